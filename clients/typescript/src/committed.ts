// The book as the server has it, up to a seq: a snapshot, and the events folded into it.

import { arranged } from './arrangement.js';
import type { BookEvent, BookFields, Element, Image, Page, Role, Snapshot } from './contract.js';
import { inOrder } from './order.js';

/**
 * What became of an event. `old`: it was known. `gap`: one before it is missing. `reread`: only a new snapshot helps.
 */
export type Folded = 'applied' | 'old' | 'gap' | 'reread';

export class Committed {
  seq: number;
  readonly epoch: string;
  viewerRole: Role | null;
  book: BookFields;
  /** In place, because a book may have 10,000 of them; the others are few, and are copied when they change. */
  readonly elements: Map<string, Element>;
  pages: ReadonlyMap<string, Page>;
  images: ReadonlyMap<string, Image>;
  private readonly viewerId: string | null;
  /** What was sorted last, and of which pages. */
  private sorted: { of: ReadonlyMap<string, Page> | null; pages: readonly Page[]; elements: readonly Element[] };
  private isSorted = false;

  constructor({ book, images, viewerId }: Snapshot) {
    const { seq, epoch, viewerRole, pages, elements, ...fields } = book;
    this.seq = seq;
    this.epoch = epoch;
    this.viewerRole = viewerRole;
    this.book = fields;
    this.elements = new Map(elements.map((element) => [element.id, element]));
    this.pages = new Map(pages.map((page) => [page.id, page]));
    this.images = new Map(images.map((image) => [image.id, image]));
    this.viewerId = viewerId;
    this.sorted = { of: null, pages: [], elements: [] };
  }

  /** In reading order. */
  sortedPages(): readonly Page[] {
    if (this.sorted.of !== this.pages) {
      this.sorted = { of: this.pages, pages: [...this.pages.values()].sort(inOrder), elements: [] };
      this.isSorted = false;
    }
    return this.sorted.pages;
  }

  /** Back to front, over all pages. */
  sortedElements(): readonly Element[] {
    const pages = this.sortedPages();
    if (!this.isSorted) this.sorted.elements = arranged(this.elements.values(), pages, this.sorted.elements);
    this.isSorted = true;
    return this.sorted.elements;
  }

  /** Nothing is changed unless it is `applied`. */
  fold(event: BookEvent): Folded {
    // Before its seq is looked at: after a restored backup it may be lower than ours.
    if (event.__typename === 'Resync') return 'reread';
    if (event.seq <= this.seq) return 'old';
    if (event.seq > this.seq + 1) return 'gap';
    switch (event.__typename) {
      case 'CanvasChanged':
        this.placed(event.elements, event.deletedElementIds);
        this.pages = patched(this.pages, event.pages, event.deletedPageIds);
        break;
      case 'ImagesChanged': {
        this.placed(event.elements, event.deletedElementIds);
        const trashed = event.images.filter((image) => image.deletedAt !== null).map((image) => image.id);
        this.images = patched(this.images, event.images, [...event.deletedImageIds, ...trashed]);
        break;
      }
      case 'MembersChanged':
        for (const { role, user } of event.members) if (user.id === this.viewerId) this.viewerRole = role;
        if (this.viewerId !== null && event.removedUserIds.includes(this.viewerId)) this.viewerRole = null;
        break;
      case 'BookChanged':
        this.book = event.book;
        break;
      case 'CommentsChanged':
        break;
      default:
        return 'reread';
    }
    this.seq = event.seq;
    return 'applied';
  }

  private placed(elements: readonly Element[], deleted: readonly string[]): void {
    for (const element of elements) this.elements.set(element.id, element);
    for (const id of deleted) this.elements.delete(id);
    this.isSorted = false;
  }
}

function patched<T extends { id: string }>(
  all: ReadonlyMap<string, T>,
  changed: readonly T[],
  deleted: readonly string[],
): ReadonlyMap<string, T> {
  if (!changed.length && !deleted.length) return all;
  const copy = new Map(all);
  for (const each of changed) copy.set(each.id, each);
  for (const id of deleted) copy.delete(id);
  return copy;
}
