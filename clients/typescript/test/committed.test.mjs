import assert from 'node:assert/strict';
import test from 'node:test';
import { canvas, committed, fields, images, other, page, rectangle } from './rows.mjs';

const ids = (rows) => [...rows.keys()];

test('elements and pages of an event stand in the place of ours, and the deleted go', () => {
  const book = committed({ elements: [rectangle('a'), rectangle('b')] });
  const told = { elements: [rectangle('b', { x: 5 }), rectangle('c')], deletedElementIds: ['el_a'] };
  assert.equal(book.fold(canvas(2, { ...told, pages: [page('two', 'a1')], deletedPageIds: ['pg_one'] })), 'applied');
  assert.deepEqual([book.seq, ids(book.elements), ids(book.pages)], [2, ['el_b', 'el_c'], ['pg_two']]);
  assert.equal(book.elements.get('el_b').x, 5);
});

test('what is known is dropped', () => {
  const book = committed({ seq: 7, elements: [rectangle('a')] });
  for (const seq of [1, 6, 7]) assert.equal(book.fold(canvas(seq, { deletedElementIds: ['el_a'] })), 'old');
  assert.deepEqual([book.seq, ids(book.elements)], [7, ['el_a']]);
});

test('what is more than one ahead is a gap, and changes nothing', () => {
  const book = committed({ seq: 7, elements: [rectangle('a')] });
  assert.equal(book.fold(canvas(9, { deletedElementIds: ['el_a'] })), 'gap');
  assert.deepEqual([book.seq, ids(book.elements)], [7, ['el_a']]);
});

test('a Resync and an unknown kind ask for a new snapshot', () => {
  const book = committed({ seq: 7 });
  // After a restored backup its seq is lower than ours.
  for (const seq of [3, 8, 99]) assert.equal(book.fold(other('Resync', seq, { epoch: 'f' })), 'reread');
  assert.equal(book.fold(other('PresentsChanged', 8)), 'reread');
  assert.equal(book.seq, 7);
});

test('the other kinds are counted, and change what they are about', () => {
  const book = committed();
  const members = { members: [{ role: 'VIEWER', user: { id: 'us_me' } }], removedUserIds: ['us_else'] };
  assert.equal(book.fold(other('MembersChanged', 2, members)), 'applied');
  assert.equal(book.viewerRole, 'VIEWER');
  book.fold(other('MembersChanged', 3, { members: [{ role: 'OWNER', user: { id: 'us_else' } }], removedUserIds: [] }));
  assert.equal(book.viewerRole, 'VIEWER');
  book.fold(other('BookChanged', 4, { book: { ...fields, title: 'Other' } }));
  assert.equal(book.book.title, 'Other');
  book.fold(other('MembersChanged', 5, { members: [], removedUserIds: ['us_me'] }));
  assert.equal(book.viewerRole, null);
  assert.equal(book.fold(other('CommentsChanged', 6)), 'applied');
  assert.equal(book.seq, 6);
});

test('images come, and go when they are deleted or in the trash', () => {
  const image = (name, deletedAt = null) => ({ id: `im_${name}`, deletedAt });
  const book = committed({ images: [image('a'), image('b')], elements: [rectangle('a')] });
  const before = book.images;
  const told = { images: [image('b', '2026-01-01'), image('c')], deletedImageIds: ['im_a'] };
  book.fold(images(2, { ...told, elements: [rectangle('b')], deletedElementIds: ['el_a'] }));
  assert.deepEqual([ids(book.images), ids(book.elements)], [['im_c'], ['el_b']]);
  assert.deepEqual(ids(before), ['im_a', 'im_b']);
});

test('what is sorted step by step is sorted as a whole would be', () => {
  const pages = ['one', 'two', 'three'].map((name, number) => page(name, `a${number}`));
  const book = committed({ pages, elements: [] });
  // Always the same numbers, spread over all of them.
  const chance = (seq, salt, below) => (seq * 7919 * salt) % below;
  for (let seq = 2; seq < 400; seq++) {
    const pageId = pages[chance(seq, 3, 3)].id;
    const element = rectangle(chance(seq, 5, 61), { pageId, orderKey: `a${chance(seq, 11, 89)}` });
    const told = seq % 5 ? { elements: [element] } : { deletedElementIds: [element.id] };
    const turned = seq % 50 ? [] : [{ ...page('one'), orderKey: seq % 100 ? 'a9' : 'a0' }];
    assert.equal(book.fold(canvas(seq, { ...told, pages: turned })), 'applied');
    const place = ({ pageId, orderKey, id }) => [book.pages.get(pageId).orderKey, pageId, orderKey, id].join(' ');
    const whole = [...book.elements.values()].sort((one, other) => (place(one) < place(other) ? -1 : 1));
    assert.deepEqual(book.sortedElements(), whole);
  }
  assert.ok(book.elements.size > 20);
});
