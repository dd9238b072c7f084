// What an application shows: the committed book with the pending edits over it, as it is at one moment.

import { arranged } from './arrangement.js';
import type { Committed } from './committed.js';
import type { BookFields, Element, Image, Page, Role } from './contract.js';
import { Draft } from './draft.js';
import { inOrder } from './order.js';
import type { Operation } from './operations.js';
import { paint } from './painting.js';

export interface State {
  readonly seq: number;
  readonly epoch: string;
  readonly viewerRole: Role | null;
  readonly book: Readonly<BookFields>;
  /** In reading order. */
  readonly pages: readonly Readonly<Page>[];
  /** Back to front, over all pages. */
  readonly elements: readonly Readonly<Element>[];
  readonly images: ReadonlyMap<string, Readonly<Image>>;
}

export function stateOf(committed: Committed, pending: Iterable<readonly Operation[]>): State {
  const draft = new Draft(committed);
  for (const operations of pending) for (const operation of operations) paint(draft, operation);
  const { seq, epoch, viewerRole, book, images } = committed;
  let pages = committed.sortedPages();
  let elements = committed.sortedElements();
  if (draft.pages.size) {
    pages = [...draft.allPages()].sort(inOrder);
    elements = arranged(draft.allElements(), pages, []);
  } else if (draft.elements.size) elements = arranged(draft.allElements(), pages, elements);
  return { seq, epoch, viewerRole, book, pages, elements, images };
}
