import assert from 'node:assert/strict';
import test from 'node:test';
import { named } from '../dist/operations.js';
import { stateOf } from '../dist/state.js';
import { committed, page, rectangle } from './rows.mjs';

const A = rectangle('a', { orderKey: 'a0' });
const B = rectangle('b', { orderKey: 'a1' });
const C = rectangle('c', { orderKey: 'a2' });
const PLACE = { x: 1, y: 2, width: 3, height: 4 };
const sheets = [page('one', 'a0'), page('two', 'a1')];

const painted = (given, ...operations) => stateOf(committed(given), [operations]);
const stack = (state) => state.elements.map(({ id }) => id.slice(3)).join('');
const order = (state) => state.pages.map(({ name }) => name).join(' ');

test('a state is ordered as the query is: page by page, back to front', () => {
  const elements = [C, rectangle('z', { pageId: 'pg_two', orderKey: 'Zz' }), B, A];
  assert.equal(stack(painted({ elements, pages: [...sheets].reverse() })), 'abcz');
  assert.equal(stack(painted({ elements: [rectangle('y'), rectangle('x')] })), 'xy');
});

test('a new element is on top of its page, with what it is when nothing is said', () => {
  const placement = { ...PLACE, opacity: undefined };
  const { operations, ids } = named([{ createText: { placement, content: 'Hello' } }]);
  const state = painted({ elements: [A, B], pages: sheets }, ...operations);
  const made = state.elements.at(-1);
  assert.equal(made.id, ids[0]);
  assert.match(made.id, /^el_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const { id, ...rest } = made;
  assert.deepEqual(rest, {
    ...{ __typename: 'TextElement', pageId: 'pg_one', orderKey: 'a2', seq: 0, locked: false, ...PLACE },
    ...{ scaleX: 1, scaleY: 1, angle: 0, opacity: 1 },
    ...{ content: 'Hello', fontSize: 16, fontFamily: null, color: '#000000', align: 'LEFT' },
  });
});

test('what was made already is not made again, nor placed anew', () => {
  const placement = { ...PLACE, clientId: 'a' };
  assert.deepEqual(painted({ elements: [A] }, { createRectangle: { placement } }).elements, [A]);
});

test('what is sent stays as it was given', () => {
  const given = [{ updateElement: { id: 'el_a', x: 1 } }];
  const { operations } = named(given);
  given[0].updateElement.x = 2;
  assert.deepEqual(operations, [{ updateElement: { id: 'el_a', x: 1 } }]);
});

test('an update changes what was sent, and nothing else', () => {
  const update = { id: 'el_a', ifSeq: 1, x: 5, fill: null, y: undefined };
  const { elements } = painted({ elements: [{ ...A, fill: '#aabbcc' }] }, { updateElement: update });
  assert.deepEqual(elements, [{ ...A, x: 5 }]);
});

test('elements move within their page, and to another', () => {
  const moved = (move, elements = [A, B, C]) => stack(painted({ elements, pages: sheets }, { moveElement: move }));
  assert.equal(moved({ id: 'el_a', to: 'FRONT' }), 'bca');
  assert.equal(moved({ id: 'el_c', to: 'BACK' }), 'cab');
  assert.equal(moved({ id: 'el_a', to: 'FORWARD' }), 'bac');
  assert.equal(moved({ id: 'el_c', to: 'BACKWARD' }), 'acb');
  assert.equal(moved({ id: 'el_a', to: 'BACKWARD' }), 'abc');
  assert.equal(moved({ id: 'el_a', above: 'el_b' }), 'bac');
  assert.equal(moved({ id: 'el_c', above: 'el_a' }), 'acb');
  assert.equal(moved({ id: 'el_a', above: 'el_gone' }), 'abc');
  assert.equal(moved({ id: 'el_a', pageId: 'pg_two' }), 'bca');
  assert.equal(moved({ id: 'el_a', pageId: 'pg_gone' }), 'abc');
  // Between two of the same key there is no room; only until the server has made some.
  const same = [A, B, { ...C, orderKey: 'a1' }];
  assert.equal(moved({ id: 'el_a', to: 'FORWARD' }, same).length, 3);
});

test('pages come, move and go with their elements, but for the last', () => {
  const given = { elements: [A, rectangle('z', { pageId: 'pg_two' })], pages: sheets };
  const front = { createPage: { clientId: 'x', name: 'three', afterPageId: null } };
  assert.equal(order(painted(given, front)), 'three one two');
  assert.equal(order(painted(given, { createPage: { clientId: 'x', name: 'three' } })), 'one two three');
  const behind = { createPage: { clientId: 'x', name: 'three', afterPageId: 'pg_one' } };
  assert.equal(order(painted(given, behind)), 'one three two');
  assert.equal(order(painted(given, { createPage: { clientId: 'x', afterPageId: 'pg_gone' } })), 'one two');
  assert.equal(order(painted(given, { updatePage: { id: 'pg_two', name: 'II', afterPageId: null } })), 'II one');
  const gone = painted(given, { deletePage: { id: 'pg_one' } }, { deletePage: { id: 'pg_two' } });
  assert.deepEqual([order(gone), stack(gone)], ['two', 'z']);
});

test('what was made in a batch is there for the rest of it, and for the batches after', () => {
  const { operations, ids } = named([{ createPage: {} }, { createCircle: { placement: { ...PLACE } } }]);
  const [pageId, id] = ids;
  const later = [{ moveElement: { id, pageId } }, { updateElement: { id, x: 9 } }];
  const state = stateOf(committed(), [operations, later]);
  assert.deepEqual([state.elements.length, state.elements[0].pageId, state.elements[0].x], [1, pageId, 9]);
});

test('edits of what somebody else has deleted do nothing', () => {
  const elements = [A];
  const lost = [
    { updateElement: { id: 'el_gone', x: 5 } },
    { moveElement: { id: 'el_gone', to: 'FRONT' } },
    { deleteElement: { id: 'el_gone' } },
    { createRectangle: { placement: { ...PLACE, clientId: 'x', pageId: 'pg_gone' } } },
    { updatePage: { id: 'pg_gone', name: 'x' } },
  ];
  assert.deepEqual(painted({ elements }, ...lost), painted({ elements }));
});

test('what lies below is never changed', () => {
  const book = committed({ elements: [A, B], pages: sheets });
  const before = structuredClone([...book.elements, ...book.pages]);
  const edits = [{ deleteElement: { id: 'el_a' } }, { updateElement: { id: 'el_b', x: 7 } }];
  stateOf(book, [[...edits, { deletePage: { id: 'pg_one' } }]]);
  assert.deepEqual([...book.elements, ...book.pages], before);
});
