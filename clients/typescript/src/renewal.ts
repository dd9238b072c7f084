// A fresh access token for the open socket, before the one that it has runs out; thus nothing on it is interrupted.

import { Lost, ofEnd } from './refusal.js';
import type { Tokens } from './token.js';

/** Milliseconds before its end at which a token is renewed; where less is left, when half of that has passed. */
const MARGIN = 60_000;
/** With less left than this, nothing is begun: the server closes the socket, and it is opened anew. */
const LEAST = 1000;

export class Renewal {
  private readonly tokens: Tokens;
  private readonly put: (token: string) => Promise<void>;
  /** Stands for this turn until the next, or until the end. */
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `put` gives the socket another token. Raises Refused, Lost, Expired. */
  constructor(tokens: Tokens, put: Renewal['put']) {
    this.tokens = tokens;
    this.put = put;
  }

  /** The socket has this token from now on. */
  begin(token: string | null): void {
    this.end();
    const left = token === null ? 0 : leftOf(token);
    if (token === null || left < LEAST) return;
    this.timer = setTimeout(() => void this.renew(token), Math.max(left - MARGIN, left / 2));
  }

  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private async renew(token: string): Promise<void> {
    const turn = this.timer;
    let next: string | null;
    try {
      await this.tokens.renew(token);
      next = await this.tokens.current();
      if (next !== null) await this.put(next);
    } catch (error) {
      // Again, when half of what is left has passed. What was refused is left to the end of the token.
      next = ofEnd(error) instanceof Lost ? token : null;
    }
    if (this.timer === turn) this.begin(next);
  }
}

/** Milliseconds; 0 where it does not say (RFC 7519, section 4.1). */
function leftOf(token: string): number {
  try {
    const payload = token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
    const { iat, exp } = JSON.parse(atob(payload)) as { iat: number; exp: number };
    // Never more than all of it, where this machine's clock is slow.
    return Math.min(1000 * exp - Date.now(), 1000 * (exp - iat)) || 0;
  } catch {
    return 0;
  }
}
