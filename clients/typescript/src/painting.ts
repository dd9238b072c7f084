// Operations done to a draft, as the server would: what cannot be done there (its element is gone) does nothing here.

import type { Element, ElementFields } from './contract.js';
import { type Draft, keyAt } from './draft.js';
import { between } from './order.js';
import { type CreatePage, given, type MoveElement, type Operation, type Placement } from './operations.js';
import type { UpdateElement, UpdatePage } from './operations.js';

export function paint(draft: Draft, operation: Operation): void {
  if ('createPage' in operation) createPage(draft, operation.createPage);
  else if ('updatePage' in operation) updatePage(draft, operation.updatePage);
  else if ('deletePage' in operation) deletePage(draft, operation.deletePage.id);
  else if ('updateElement' in operation) updateElement(draft, operation.updateElement);
  else if ('moveElement' in operation) moveElement(draft, operation.moveElement);
  else if ('deleteElement' in operation) deleteElement(draft, operation.deleteElement.id);
  else createElement(draft, operation);
}

const OUTLINE = { stroke: '#000000', strokeWidth: 1 };

function createElement(draft: Draft, operation: Operation): void {
  const [verb, { placement, ...own }] = Object.entries(operation)[0] as [string, { placement: Placement }];
  const { clientId, pageId = draft.pageStack()[0]?.id, ...frame } = placement;
  const id = `el_${clientId}`;
  if (pageId === undefined || draft.page(pageId) === null || draft.element(id) !== null) return;
  const fields: ElementFields = {
    ...{ id, pageId, scaleX: 1, scaleY: 1, angle: 0, opacity: 1, locked: false, seq: 0 },
    orderKey: between(draft.elementStack(pageId).at(-1)?.orderKey ?? null, null),
    ...given(frame),
  };
  const element = { ...fields, ...DEFAULTS[verb], ...given(own) } as Element;
  draft.setElement(element);
}

/** What each kind is when nothing is said. */
const DEFAULTS: Record<string, object> = {
  createImage: { __typename: 'ImageElement', imageId: null, crop: null, cornerRadius: 0 },
  createText: { __typename: 'TextElement', fontSize: 16, fontFamily: null, color: '#000000', align: 'LEFT' },
  createRectangle: { __typename: 'RectangleElement', fill: null, ...OUTLINE, cornerRadius: 0 },
  createCircle: { __typename: 'CircleElement', fill: null, ...OUTLINE },
  createDrawing: { __typename: 'DrawingElement', ...OUTLINE },
};

function updateElement(draft: Draft, { id, ifSeq: _, ...fields }: UpdateElement): void {
  const element = draft.element(id);
  if (element !== null) draft.setElement({ ...element, ...given(fields) } as Element);
}

function deleteElement(draft: Draft, id: string): void {
  const element = draft.element(id);
  if (element !== null) draft.removeElement(element);
}

function moveElement(draft: Draft, { id, pageId, to, above }: MoveElement): void {
  const element = draft.element(id);
  if (element === null) return;
  const target = pageId ?? element.pageId;
  if (draft.page(target) === null) return;
  const stack = draft.elementStack(target);
  const stays = target === element.pageId;
  const others = stays ? stack.length - 1 : stack.length;
  const here = stays ? stack.findIndex((each) => each.id === id) : others;
  let index = here;
  if (above !== undefined) {
    const below = stack.findIndex((each) => each.id === above);
    if (below < 0 || above === id) return;
    index = stays && here < below ? below : below + 1;
  } else if (to === 'FRONT') index = others;
  else if (to === 'BACK') index = 0;
  else if (to === 'FORWARD') index = Math.min(here + 1, others);
  else if (to === 'BACKWARD') index = Math.max(here - 1, 0);
  const orderKey = keyAt(stack, index, id);
  if (orderKey !== null) draft.setElement({ ...element, pageId: target, orderKey });
}

function createPage(draft: Draft, { clientId, afterPageId, ...fields }: CreatePage): void {
  const id = `pg_${clientId}`;
  const index = draft.page(id) === null ? placeBehind(draft, id, afterPageId) : null;
  if (index === null) return;
  const orderKey = keyAt(draft.pageStack(), index, id)!;
  draft.setPage({ id, name: null, width: null, height: null, background: null, ...given(fields), orderKey });
}

function updatePage(draft: Draft, { id, afterPageId, ...fields }: UpdatePage): void {
  const page = draft.page(id);
  if (page === null) return;
  const index = afterPageId === undefined ? null : placeBehind(draft, id, afterPageId);
  if (afterPageId !== undefined && index === null) return;
  const orderKey = index === null ? null : keyAt(draft.pageStack(), index, id);
  draft.setPage({ ...page, ...given(fields), orderKey: orderKey ?? page.orderKey });
}

function deletePage(draft: Draft, id: string): void {
  const page = draft.page(id);
  if (page !== null && draft.pageStack().length > 1) draft.removePage(page);
}

/** Where a page goes among the others: left out is the end, null the front; null where its neighbour is gone. */
function placeBehind(draft: Draft, id: string, afterPageId: string | null | undefined): number | null {
  const stack = draft.pageStack();
  if (afterPageId === undefined) return stack.length;
  if (afterPageId === null) return 0;
  const below = stack.findIndex((page) => page.id === afterPageId);
  if (below < 0 || afterPageId === id) return null;
  const here = stack.findIndex((page) => page.id === id);
  return here >= 0 && here < below ? below : below + 1;
}
