// Who is in a book, as the server tells it.

import type { Point, Role } from './contract.js';

/** Where an element is while somebody drags it. */
export interface Frame {
  elementId: string;
  x: number;
  y: number;
  width?: number | null;
  height?: number | null;
  scaleX?: number | null;
  scaleY?: number | null;
  angle?: number | null;
}

/** One tab of somebody: who has two of them is there twice. */
export interface Person {
  id: string;
  user: { id: string; name: string };
  role: Role;
  pageId: string | null;
  cursor: Point | null;
  selection: readonly string[];
  frames: readonly Frame[];
  joinedAt: string;
  isSelf: boolean;
}

type Told = Omit<Person, 'isSelf'>;

/** A newer server may tell of kinds that are not among these. */
export type PresenceEvent =
  | { __typename: 'PresenceSnapshot'; selfId: string; present: Told[] }
  | { __typename: 'PresenceUpdated'; presence: Told }
  | { __typename: 'PresenceLeft'; id: string };

export class Roster {
  private readonly all = new Map<string, Person>();
  private selfId: string | null = null;

  hear(event: PresenceEvent): void {
    switch (event.__typename) {
      case 'PresenceSnapshot':
        this.clear();
        this.selfId = event.selfId;
        for (const told of event.present) this.put(told);
        break;
      case 'PresenceUpdated':
        this.put(event.presence);
        break;
      case 'PresenceLeft':
        this.all.delete(event.id);
        break;
    }
  }

  clear(): void {
    this.all.clear();
  }

  /** In the order in which they came; of oneself, what one has said last. */
  people(said: Partial<Person>): readonly Person[] {
    const people = [...this.all.values()].map((each) => (each.isSelf ? { ...each, ...said } : each));
    return people.sort((one, other) => (place(one) < place(other) ? -1 : 1));
  }

  private put(told: Told): void {
    this.all.set(told.id, { ...told, isSelf: told.id === this.selfId });
  }
}

const place = ({ joinedAt, id }: Person): string => `${joinedAt} ${id}`;
