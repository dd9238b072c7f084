// What a failure means: whether to try again, to renew the access token first, or to give up.

export interface ServerError {
  message: string;
  extensions?: { code?: string; retryAfter?: number };
}

/** A no that trying again does not change. `code` is the server's, or `CLOSED_` and the close code of the socket. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Nobody knows what became of it: no answer, or one that asks to come back, not before `after` milliseconds. */
export class Lost extends Error {
  override readonly name = 'Lost';
  readonly after: number;
  readonly isMistake: boolean;

  constructor(message: string, after = 0, isMistake = false) {
    super(message);
    this.after = after;
    this.isMistake = isMistake;
  }
}

/** The server has ended a subscription with nothing wrong. */
export class Completed extends Lost {}

/** The access token is not taken, or not any more. */
export class Expired extends Error {
  override readonly name = 'Expired';
}

/** Milliseconds before a server that is busy is asked again. */
const A_LITTLE_LATER = 1000;

export type Failure = Refused | Lost | Expired;

export function ofErrors(errors: readonly ServerError[]): Failure {
  const error = errors[0];
  const code = error?.extensions?.code ?? 'INTERNAL';
  const message = error?.message ?? 'The server gave no answer.';
  switch (code) {
    case 'UNAUTHENTICATED':
      return new Expired(message);
    case 'RATE_LIMITED':
      return new Lost(message, 1000 * (error?.extensions?.retryAfter ?? 1));
    case 'UNAVAILABLE':
      return new Lost(message, A_LITTLE_LATER);
    case 'INTERNAL':
      return new Lost(message, A_LITTLE_LATER, true);
    default:
      return new Refused(code, message);
  }
}

/** Close codes that connecting again would only bring once more; the npm package never retries them either. */
const FINAL = new Set([4004, 4400, 4406, 4409, 4429]);

/** Of what ended a subscription: the server's errors, a close of the socket, or a failure to open it. */
export function ofEnd(cause: unknown): Failure {
  if (cause instanceof Refused || cause instanceof Lost || cause instanceof Expired) return cause;
  if (Array.isArray(cause)) return ofErrors(cause as ServerError[]);
  const { code, reason } = (cause ?? {}) as { code?: unknown; reason?: unknown };
  const message = String(reason || (cause instanceof Error ? inFull(cause) : 'The connection is gone.'));
  if (code === 4401 || code === 4403) return new Expired(message);
  if (typeof code === 'number' && FINAL.has(code)) return new Refused(`CLOSED_${code}`, message);
  return new Lost(message, code === 1013 ? A_LITTLE_LATER : 0);
}

/** Node's fetch only says that it failed; why is in the cause. */
function inFull({ message, cause }: Error): string {
  const { message: why, code } = (cause ?? {}) as { message?: unknown; code?: unknown };
  return why || code ? `${message}: ${why || code}` : message;
}
