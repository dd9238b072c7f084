// Waiting: longer each time, never all at once, never longer than a limit, and only until it is called off.

/** Milliseconds that the first wait is at most, and the longest. */
const SHORTEST = 250;
const LONGEST = 10_000;
const DOUBLINGS = 6;

export class Backoff {
  private failures = 0;

  /** Half of it is chance, so that those who were cut together do not come back together. */
  next(least = 0): number {
    const most = Math.min(LONGEST, SHORTEST * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, DOUBLINGS);
    return least + (most * (1 + Math.random())) / 2;
  }

  reset(): void {
    this.failures = 0;
  }
}

/** Does the work with a signal of its own, which is aborted with the outer one, if any, or by the work itself. */
export async function within<T>(
  signal: AbortSignal | undefined,
  work: (inner: AbortController) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const inner = new AbortController();
  const stop = (): void => inner.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await work(inner);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Rejects with the signal's reason when it is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return within(
    signal,
    ({ signal: inner }) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, milliseconds);
        inner.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(inner.reason);
        });
      }),
  );
}
