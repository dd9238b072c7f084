// A canvas with edits laid over it that the server has not told of yet; what lies below stays as it is.

import type { Committed } from './committed.js';
import type { Element, Page } from './contract.js';
import { between, inOrder, type Ordered } from './order.js';

/** The book's own stack, of its pages; the others are those of the pages' elements. */
const PAGES = '';

export class Draft {
  private readonly ground: Committed;
  /** What is otherwise than below; null is gone. */
  readonly elements = new Map<string, Element | null>();
  readonly pages = new Map<string, Page | null>();
  private readonly stacks = new Map<string, Ordered[]>();

  constructor(ground: Committed) {
    this.ground = ground;
  }

  element(id: string): Element | null {
    const laid = this.elements.get(id);
    return laid === undefined ? (this.ground.elements.get(id) ?? null) : laid;
  }

  page(id: string): Page | null {
    const laid = this.pages.get(id);
    return laid === undefined ? (this.ground.pages.get(id) ?? null) : laid;
  }

  *allElements(): Generator<Element> {
    yield* laidOver(this.ground.elements, this.elements);
  }

  *allPages(): Generator<Page> {
    yield* laidOver(this.ground.pages, this.pages);
  }

  pageStack(): readonly Ordered[] {
    return this.stack(PAGES);
  }

  elementStack(pageId: string): readonly Ordered[] {
    return this.stack(pageId);
  }

  setElement(element: Element): void {
    const before = this.element(element.id);
    this.elements.set(element.id, element);
    if (before?.pageId === element.pageId && before.orderKey === element.orderKey) return;
    if (before) this.take(before.pageId, before.id);
    this.put(element.pageId, element);
  }

  removeElement(element: Element): void {
    this.elements.set(element.id, null);
    this.take(element.pageId, element.id);
  }

  setPage(page: Page): void {
    const before = this.page(page.id);
    this.pages.set(page.id, page);
    if (before?.orderKey === page.orderKey) return;
    this.take(PAGES, page.id);
    this.put(PAGES, page);
  }

  /** With all that is on it. */
  removePage(page: Page): void {
    for (const { id } of this.stack(page.id)) this.elements.set(id, null);
    this.stacks.delete(page.id);
    this.pages.set(page.id, null);
    this.take(PAGES, page.id);
  }

  /** The stacks are made when they are first asked for, and kept from then on. */
  private stack(key: string): Ordered[] {
    let stack = this.stacks.get(key);
    if (stack === undefined) {
      const below: readonly Ordered[] = key === PAGES ? this.ground.sortedPages() : this.below(key);
      const above: ReadonlyMap<string, Ordered | null> = key === PAGES ? this.pages : this.elements;
      this.stacks.set(key, (stack = below.filter(({ id }) => !above.has(id))));
      for (const row of above.values()) {
        if (row !== null && (key === PAGES || (row as Element).pageId === key)) this.put(key, row);
      }
    }
    return stack;
  }

  private below(pageId: string): readonly Element[] {
    return this.ground.sortedElements().filter((element) => element.pageId === pageId);
  }

  private take(key: string, id: string): void {
    const stack = this.stacks.get(key);
    const index = stack?.findIndex((each) => each.id === id) ?? -1;
    if (index >= 0) stack!.splice(index, 1);
  }

  private put(key: string, row: Ordered): void {
    const stack = this.stacks.get(key);
    if (stack === undefined) return;
    let index = stack.length;
    while (index > 0 && inOrder(row, stack[index - 1]!) < 0) index--;
    stack.splice(index, 0, row);
  }
}

/** The key of a place at this index of the stack, among the others than `id`; null where it is there already. */
export function keyAt(stack: readonly Ordered[], index: number, id: string): string | null {
  const here = stack.findIndex((each) => each.id === id);
  if (here === index) return null;
  const others = here < 0 ? stack : stack.filter((each) => each.id !== id);
  return between(others[index - 1]?.orderKey ?? null, others[index]?.orderKey ?? null);
}

function* laidOver<T>(below: ReadonlyMap<string, T>, above: ReadonlyMap<string, T | null>): Generator<T> {
  for (const [id, row] of below) {
    const laid = above.get(id);
    if (laid === undefined) yield row;
    else if (laid !== null) yield laid;
  }
  for (const [id, row] of above) if (row !== null && !below.has(id)) yield row;
}
