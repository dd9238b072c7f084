// Batches of edits on their way: sent one after the other, and laid over the book until it holds them itself.

import type { Element, UserError } from './contract.js';
import type { Operation, OperationStatus } from './operations.js';
import { Refused } from './refusal.js';

/** How many batches may be on their way; a batch is one as long as it is laid over the book, or has no answer. */
export const PENDING_LIMIT = 100;

/** What became of a batch; `unknown`: the book was closed, or ended, before there was an answer. */
export type Outcome =
  | { status: 'applied'; seq: number; results: OperationStatus[] }
  | { status: 'refused'; userErrors: UserError[]; conflicts: Element[] }
  | { status: 'unknown' };

export interface Answer {
  seq: number | null;
  results: { status: OperationStatus }[] | null;
  conflicts: Element[] | null;
  userErrors: UserError[];
}

interface Entry {
  readonly batchId: string;
  readonly operations: readonly Operation[];
  readonly settle: (outcome: Outcome) => void;
  isAnswered: boolean;
  isLaid: boolean;
  /** What the answer said; it is laid over the book until that is reached. */
  seq: number | null;
}

/** The number and the epoch of the book as it is now. */
export type Place = () => { seq: number; epoch: string } | null;

export class Pending {
  private entries: Entry[] = [];
  private isSending = false;
  private isStopped = false;
  private readonly send: (batchId: string, operations: readonly Operation[]) => Promise<Answer>;
  private readonly place: Place;
  private readonly changed: () => void;

  constructor(send: Pending['send'], place: Place, changed: () => void) {
    this.send = send;
    this.place = place;
    this.changed = changed;
  }

  get size(): number {
    return this.entries.length;
  }

  *laid(): Generator<readonly Operation[]> {
    for (const entry of this.entries) if (entry.isLaid) yield entry.operations;
  }

  /** Raises RangeError when too many are on their way. */
  add(batchId: string, operations: readonly Operation[]): Promise<Outcome> {
    if (this.entries.length >= PENDING_LIMIT) throw new RangeError(`${PENDING_LIMIT} batches are on their way.`);
    return new Promise((settle) => {
      this.entries.push({ batchId, operations, settle, isAnswered: false, isLaid: true, seq: null });
      void this.sendAll();
    });
  }

  /** The book holds what it has been told of: this batch, and all up to this seq. */
  reached(seq: number, batchId: string | null = null): void {
    this.unlay((entry) => (batchId !== null && entry.batchId === batchId) || (entry.seq !== null && entry.seq <= seq));
  }

  /** What was answered before the history was replaced is in the new one, or lost with the old. */
  beginEpoch(): void {
    this.unlay((entry) => entry.isAnswered);
  }

  stop(): void {
    this.isStopped = true;
    for (const entry of this.entries) entry.settle({ status: 'unknown' });
    this.entries = [];
  }

  private async sendAll(): Promise<void> {
    if (this.isSending) return;
    this.isSending = true;
    for (let entry; (entry = this.entries.find((each) => !each.isAnswered)); ) await this.sendOne(entry);
    this.isSending = false;
  }

  private async sendOne(entry: Entry): Promise<void> {
    const epoch = this.place()?.epoch;
    let outcome: Outcome;
    try {
      outcome = outcomeOf(await this.send(entry.batchId, entry.operations));
    } catch (error) {
      const { code, message } = error instanceof Refused ? error : { code: 'UNKNOWN', message: String(error) };
      // The connection was closed meanwhile: it may have been done.
      if (code === 'CLOSED') outcome = { status: 'unknown' };
      else outcome = { status: 'refused', userErrors: [{ code, message, path: [] }], conflicts: [] };
    }
    if (this.isStopped) return;
    entry.isAnswered = true;
    const now = this.place();
    if (outcome.status === 'applied' && epoch === now?.epoch && outcome.seq > (now?.seq ?? 0)) {
      entry.seq = outcome.seq;
    } else entry.isLaid = false;
    this.unlay(() => false);
    entry.settle(outcome);
    this.changed();
  }

  private unlay(isOver: (entry: Entry) => boolean): void {
    for (const entry of this.entries) if (isOver(entry)) entry.isLaid = false;
    this.entries = this.entries.filter((entry) => entry.isLaid || !entry.isAnswered);
  }
}

function outcomeOf({ seq, results, conflicts, userErrors }: Answer): Outcome {
  if (seq === null || userErrors.length) return { status: 'refused', userErrors, conflicts: conflicts ?? [] };
  return { status: 'applied', seq, results: (results ?? []).map(({ status }) => status) };
}
