// Elements in the order in which they are shown: page by page, back to front.

import type { Element, Page } from './contract.js';
import { inOrder } from './order.js';

/** `before` is an earlier arrangement on the same pages: what is the same object there is not sorted again. */
export function arranged(
  elements: Iterable<Element>,
  pages: readonly Page[],
  before: readonly Element[],
): readonly Element[] {
  const ranks = new Map(pages.map((page, rank) => [page.id, rank]));
  const rank = (element: Element): number => ranks.get(element.pageId) ?? pages.length;
  const compare = (one: Element, other: Element): number =>
    one.pageId === other.pageId ? inOrder(one, other) : rank(one) - rank(other);
  const others = new Set(elements);
  const kept = before.filter((element) => others.delete(element));
  const fresh = [...others].sort(compare);
  const merged: Element[] = [];
  let next = 0;
  for (const element of kept) {
    while (next < fresh.length && compare(fresh[next]!, element) < 0) merged.push(fresh[next++]!);
    merged.push(element);
  }
  return merged.concat(fresh.slice(next));
}
