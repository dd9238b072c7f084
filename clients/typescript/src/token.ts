// Access tokens: the application's to keep, asked for each time, and renewed once for all who are refused with one.

import { Expired, Lost, Refused } from './refusal.js';

/**
 * Gives the access token, or null where nobody is signed in. With `refused`, the server no longer takes that one, or
 * soon will not: gives another (by `refreshSession`, or by signing in), or null to give up. What it throws is tried
 * again later.
 */
export type TokenSource = (refused?: string) => string | null | Promise<string | null>;

/** How many tokens one after the other may be refused. */
const RENEWALS = 2;

export class Tokens {
  private readonly source: TokenSource;
  private renewing: Promise<string | null> | null = null;

  constructor(source: TokenSource) {
    this.source = source;
  }

  /** Raises Lost. */
  async current(): Promise<string | null> {
    try {
      return await this.source();
    } catch (error) {
      throw new Lost(`No access token: ${error}`);
    }
  }

  /** Returns once there is another token than the refused one. Raises Refused, Lost. */
  async renew(refused: string | null): Promise<void> {
    if ((await this.current()) !== refused) return;
    if (refused === null) throw new Refused('UNAUTHENTICATED', 'Sign in first.');
    // Behind a promise, so that a source that throws at once is heard as well.
    this.renewing ??= Promise.resolve()
      .then(() => this.source(refused))
      .finally(() => (this.renewing = null));
    let next: string | null;
    try {
      next = await this.renewing;
    } catch (error) {
      throw new Lost(`The access token could not be renewed: ${error}`);
    }
    if (next === null || next === refused) throw new Refused('UNAUTHENTICATED', 'The session is over.');
  }
}

/** Counts tokens that were refused one after the other. Raises Refused for one too many. */
export class Renewals {
  private count = 0;

  add(expired: Expired): void {
    if (++this.count > RENEWALS) throw new Refused('UNAUTHENTICATED', expired.message);
  }

  reset(): void {
    this.count = 0;
  }
}
