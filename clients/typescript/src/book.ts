// A book as an application holds it: its state, with one's own edits shown at once, and what becomes of them.

import type { Committed } from './committed.js';
import type { Connection } from './connection.js';
import type { BookEvent } from './contract.js';
import { documents, type Documents, type Selection } from './documents.js';
import { Following } from './following.js';
import { Listeners } from './listeners.js';
import { named, type Operation, uuid } from './operations.js';
import { type Answer, type Outcome, Pending } from './pending.js';
import { Refused } from './refusal.js';
import { type State, stateOf } from './state.js';
import { type Status, Statuses } from './status.js';

export interface Batch {
  readonly batchId: string;
  /** Of what it creates, in the order of its operations; null for the others. They can be used at once. */
  readonly ids: readonly (string | null)[];
  /** Never rejects. */
  readonly outcome: Promise<Outcome>;
}

export interface BookOptions {
  selection?: Selection;
  /** Every event once, in order, after it is in the state. Those that a new snapshot stands for are not told. */
  heard?: (event: BookEvent) => void;
}

interface Applied {
  applyOperations: Answer | null;
}

export class Book {
  readonly id: string;
  private readonly connection: Connection;
  private readonly documents: Documents;
  private readonly stopped = new AbortController();
  private readonly states = new Listeners<void>();
  private readonly statuses = new Statuses();
  private readonly events = new Listeners<BookEvent>();
  private readonly pending: Pending;
  private committed: Committed | null = null;
  private shown: State | null = null;

  constructor(connection: Connection, id: string, { selection, heard }: BookOptions = {}) {
    this.id = id;
    this.connection = connection;
    this.documents = documents(selection);
    if (heard) this.events.add(heard);
    this.pending = new Pending(
      (batchId, operations) => this.send(batchId, operations),
      () => this.committed,
      () => this.changed(),
    );
    const following = new Following(connection, this.documents, id, {
      read: (committed) => this.read(committed),
      applied: (event) => this.applied(event),
      phase: (phase, message) => this.statuses.tell({ phase, ...(message !== undefined && { message }) }),
    });
    following.run(this.stopped.signal).catch((error: unknown) => {
      const { code, message } = error instanceof Refused ? error : { code: 'UNKNOWN', message: String(error) };
      this.end({ phase: 'ended', code, message });
    });
  }

  /** The same object until something changes; null until the book has been read. */
  get state(): State | null {
    if (this.committed !== null) this.shown ??= stateOf(this.committed, this.pending.laid());
    return this.shown;
  }

  get status(): Status {
    return this.statuses.current;
  }

  /** How many batches are on their way: unanswered, or not in the book yet. */
  get pendingCount(): number {
    return this.pending.size;
  }

  /** Calls the listener after each change of the state; returns what ends that. */
  subscribe(listener: () => void): () => void {
    return this.states.add(listener);
  }

  /** Calls the listener after each change of the status; returns what ends that. */
  watch(listener: (status: Status) => void): () => void {
    return this.statuses.watch(listener);
  }

  /** The state once it is live, at once where it is. Raises Refused, with what the status says, at its end. */
  async ready(): Promise<State> {
    await this.statuses.live();
    return this.state!;
  }

  /**
   * Shows the edits at once, and sends them after those before. Raises RangeError when too many are on their way, and
   * Refused: NOT_READ before the book has been read, CLOSED after its end.
   */
  apply(operations: readonly Operation[]): Batch {
    if (this.stopped.signal.aborted) throw new Refused('CLOSED', 'The book is not open any more.');
    if (this.committed === null) throw new Refused('NOT_READ', 'The book has not been read yet: wait for `ready()`.');
    const { operations: sent, ids } = named(operations);
    const batchId = uuid();
    const outcome = this.pending.add(batchId, sent);
    this.changed();
    return { batchId, ids, outcome };
  }

  close(): void {
    this.end({ phase: 'closed' });
  }

  private read(committed: Committed): void {
    const before = this.committed?.epoch;
    this.committed = committed;
    if (before !== undefined && before !== committed.epoch) this.pending.beginEpoch();
    this.pending.reached(committed.seq);
    this.changed();
  }

  private applied(event: BookEvent): void {
    this.pending.reached(event.seq, event.batchId);
    this.changed();
    this.events.tell(event);
  }

  private async send(batchId: string, operations: readonly Operation[]): Promise<Answer> {
    const input = { bookId: this.id, batchId, operations };
    const asked = this.connection.ask<Applied>(this.documents.apply, { input }, this.stopped.signal);
    const { applyOperations } = await asked;
    if (applyOperations === null) throw new Refused('INTERNAL', 'The server gave no answer.');
    return applyOperations;
  }

  private changed(): void {
    this.shown = null;
    this.states.tell();
  }

  /** What is shown stays, without the edits that may not have been done. */
  private end(status: Status): void {
    if (this.stopped.signal.aborted) return;
    this.stopped.abort();
    this.pending.stop();
    this.changed();
    this.statuses.tell(status);
  }
}
