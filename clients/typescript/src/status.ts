// How it goes with a book, as an application is told.

import { Listeners } from './listeners.js';
import { Refused } from './refusal.js';

/** `waiting`: there is no connection, and it is tried again; `ended`: it is not, and `code` says why. */
export interface Status {
  readonly phase: 'reading' | 'live' | 'waiting' | 'ended' | 'closed';
  readonly code?: string;
  readonly message?: string;
}

export class Statuses {
  private readonly listeners = new Listeners<Status>();
  private now: Status = { phase: 'reading' };

  get current(): Status {
    return this.now;
  }

  watch(listener: (status: Status) => void): () => void {
    return this.listeners.add(listener);
  }

  tell(status: Status): void {
    this.now = status;
    this.listeners.tell(status);
  }

  /** Raises Refused, with what the status says, at its end. */
  live(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = ({ phase, code, message }: Status): void => {
        if (phase === 'reading' || phase === 'waiting') return;
        leave();
        if (phase === 'live') resolve();
        else reject(new Refused(code ?? 'CLOSED', message ?? 'The book is closed.'));
      };
      const leave = this.watch(look);
      look(this.now);
    });
  }
}
