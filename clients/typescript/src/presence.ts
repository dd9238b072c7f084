// Being in a book with others: who is there, where they point and what they drag; and saying so of oneself.

import type { Connection } from './connection.js';
import type { UserError } from './contract.js';
import { documents, type Selection } from './documents.js';
import { Listeners } from './listeners.js';
import { type Move, Moving } from './moving.js';
import { Completed, type Lost, Refused } from './refusal.js';
import { type Person, type PresenceEvent, Roster } from './roster.js';
import { anotherTabId, tabId } from './tab.js';

/** As of a book. `live` with a code: that is why the last move, or a part of it, was refused. */
export interface PresenceStatus {
  readonly phase: 'joining' | 'live' | 'waiting' | 'ended' | 'closed';
  readonly code?: string;
  readonly message?: string;
}

export interface PresenceOptions {
  selection?: Selection;
  /** A UUID in lower case, in place of the one that the tab keeps in its sessionStorage. */
  clientId?: string;
}

export class Presence {
  readonly bookId: string;
  private readonly connection: Connection;
  private readonly moves: string;
  private readonly stopped = new AbortController();
  private readonly lists = new Listeners<void>();
  private readonly statuses = new Listeners<PresenceStatus>();
  private readonly roster = new Roster();
  private readonly moving: Moving;
  private clientId: string;
  private isJoining = true;
  private shown: readonly Person[] | null = null;
  private current: PresenceStatus = { phase: 'joining' };

  constructor(connection: Connection, bookId: string, { selection, clientId }: PresenceOptions = {}) {
    this.bookId = bookId;
    this.connection = connection;
    this.clientId = clientId ?? tabId();
    const { presence, move } = documents(selection);
    this.moves = move;
    this.moving = new Moving(
      (input) => this.send(input),
      (error) => this.refused(error),
    );
    const variables = () => ({ bookId, clientId: this.clientId });
    const sink = {
      next: (data: { presence: PresenceEvent }) => this.hear(data.presence),
      opened: () => void (this.isJoining = true),
      waiting: (failure: Lost) => this.wait(failure),
    };
    connection.follow(presence, variables, sink, this.stopped.signal).catch((error: unknown) => {
      const { code, message } = error instanceof Refused ? error : { code: 'UNKNOWN', message: String(error) };
      this.end({ phase: 'ended', code, message });
    });
  }

  /** In the order in which they came; the same object until something changes. Nobody before joining and at the end. */
  get people(): readonly Person[] {
    return (this.shown ??= this.roster.people(this.moving.said));
  }

  get status(): PresenceStatus {
    return this.current;
  }

  /** Calls the listener after each change of the people; returns what ends that. */
  subscribe(listener: () => void): () => void {
    return this.lists.add(listener);
  }

  /** Calls the listener after each change of the status; returns what ends that. */
  watch(listener: (status: PresenceStatus) => void): () => void {
    return this.statuses.add(listener);
  }

  /** As often as one likes: at most 30 a second are sent, and the last always. Before joining it waits. */
  move(move: Move): void {
    if (this.stopped.signal.aborted) return;
    this.moving.move(move);
    this.changed();
  }

  close(): void {
    this.end({ phase: 'closed' });
  }

  private hear(event: PresenceEvent): undefined {
    this.roster.hear(event);
    const hasJoined = this.isJoining;
    this.isJoining = false;
    if (hasJoined) this.moving.begin();
    this.changed();
    if (hasJoined) this.tell({ phase: 'live' });
  }

  private wait(failure: Lost): void {
    this.moving.end();
    // Somebody has come with the same id: this tab, or the one that it was duplicated from, becomes another.
    if (failure instanceof Completed) this.clientId = anotherTabId();
    this.tell({ phase: 'waiting', message: failure.message });
  }

  private async send(move: Move): Promise<UserError[]> {
    const input = { bookId: this.bookId, clientId: this.clientId, ...move };
    const { updatePresence } = await this.connection.askOnce<{ updatePresence: { userErrors: UserError[] } }>(
      this.moves,
      { input },
    );
    return updatePresence.userErrors;
  }

  private refused({ code, message }: UserError): void {
    if (this.stopped.signal.aborted) return;
    this.changed();
    if (this.current.code !== code || this.current.message !== message) this.tell({ ...this.current, code, message });
  }

  private changed(): void {
    this.shown = null;
    this.lists.tell();
  }

  private tell(status: PresenceStatus): void {
    this.current = status;
    this.statuses.tell(status);
  }

  private end(status: PresenceStatus): void {
    if (this.stopped.signal.aborted) return;
    this.stopped.abort();
    this.moving.end();
    this.roster.clear();
    this.changed();
    this.tell(status);
  }
}
