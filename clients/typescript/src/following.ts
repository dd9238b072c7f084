// Keeping a book current: read once, then event by event; and read again where events alone do not lead on.

import { Committed } from './committed.js';
import type { Connection } from './connection.js';
import type { BookEvent } from './contract.js';
import type { Documents } from './documents.js';
import { reading } from './reading.js';
import { Lost } from './refusal.js';
import { Backoff, pause, within } from './waiting.js';

/** How many gaps one after the other are asked again for, before the book is read again. */
const GAPS = 2;

/** Who is told how it goes. */
export interface Follower {
  read(committed: Committed): void;
  applied(event: BookEvent): void;
  phase(phase: 'reading' | 'live' | 'waiting', message?: string): void;
}

export class Following {
  private readonly connection: Connection;
  private readonly documents: Documents;
  private readonly bookId: string;
  private readonly follower: Follower;
  private readonly backoff = new Backoff();
  private gaps = 0;

  constructor(connection: Connection, documents: Documents, bookId: string, follower: Follower) {
    this.connection = connection;
    this.documents = documents;
    this.bookId = bookId;
    this.follower = follower;
  }

  /** Goes on for ever. Raises Refused, and the signal's reason when it is aborted. */
  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      this.follower.phase('reading');
      const snapshot = await reading(this.connection, this.documents, this.bookId, signal, this.waiting);
      const committed = new Committed(snapshot);
      this.follower.read(committed);
      this.gaps = 0;
      await this.follow(committed, signal);
      // Longer each time, unless there were events in between.
      await pause(this.backoff.next(), signal);
    }
  }

  /** Returns when the book is to be read again. */
  private follow(committed: Committed, signal: AbortSignal): Promise<void> {
    const variables = () => ({ bookId: this.bookId, after: committed.seq, epoch: committed.epoch });
    return within(signal, async (turn) => {
      const sink = {
        next: ({ bookEvents }: { bookEvents: BookEvent }) => this.hear(committed, bookEvents, turn),
        opened: () => this.follower.phase('live'),
        waiting: this.waiting,
      };
      try {
        await this.connection.follow(this.documents.events, variables, sink, turn.signal);
      } catch (error) {
        if (signal.aborted || !turn.signal.aborted) throw error;
      }
    });
  }

  private readonly waiting = ({ message }: Lost): void => this.follower.phase('waiting', message);

  private hear(committed: Committed, event: BookEvent, turn: AbortController): Lost | undefined {
    switch (committed.fold(event)) {
      case 'applied':
        this.gaps = 0;
        this.backoff.reset();
        this.follower.applied(event);
        return undefined;
      case 'gap':
        if (++this.gaps > GAPS) turn.abort();
        return new Lost('An event is missing.');
      case 'reread':
        turn.abort();
        return undefined;
      case 'old':
        return undefined;
    }
  }
}
