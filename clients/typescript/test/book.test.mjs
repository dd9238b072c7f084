import assert from 'node:assert/strict';
import test from 'node:test';
import { Book } from '../dist/book.js';
import { Refused } from '../dist/refusal.js';
import { canvas, other, page, rectangle } from './rows.mjs';
import { Twin } from './twin.mjs';

const ids = ({ state }) => state.elements.map(({ id }) => id);
const applied = (seq, status) => ({
  applyOperations: { seq, results: [{ status }], conflicts: null, userErrors: [] },
});
const twin = () => new Twin({ seq: 5, pages: [page('one')], elements: [rectangle('a')] });

test('a book is read, and followed from there', async () => {
  const server = twin();
  const heard = [];
  const book = await server.opened({ heard: ({ seq }) => heard.push(seq) });
  assert.deepEqual([server.followed, book.status.phase, ids(book)], [[5], 'live', ['el_a']]);
  let changes = 0;
  book.subscribe(() => changes++);
  server.tell(canvas(6, { elements: [rectangle('b')] }));
  server.tell(canvas(6, { elements: [rectangle('c')] }));
  assert.deepEqual([ids(book), changes, heard, book.state.seq], [['el_a', 'el_b'], 1, [6], 6]);
  assert.equal(book.state, book.state);
  book.close();
});

test('a gap is asked again for from the last that is known, and nothing of it is shown', async () => {
  const server = twin();
  const book = await server.opened();
  server.tell(canvas(6));
  const again = server.nextFollowed();
  server.tell(canvas(8, { deletedElementIds: ['el_a'] }));
  assert.deepEqual(ids(book), ['el_a']);
  await again;
  assert.deepEqual([server.followed, server.reads], [[5, 6], 1]);
  server.tell(canvas(7));
  server.tell(canvas(8, { deletedElementIds: ['el_a'] }));
  assert.deepEqual([ids(book), book.state.seq], [[], 8]);
  book.close();
});

test('a gap that stays is closed by reading the book again', async () => {
  const server = twin();
  const book = await server.opened();
  for (let times = 0; times < 2; times++) {
    const again = server.nextFollowed();
    server.tell(canvas(9));
    await again;
  }
  server.seq = 9;
  const reread = server.nextFollowed();
  server.tell(canvas(9));
  await reread;
  assert.deepEqual([server.followed, server.reads, book.state.seq], [[5, 5, 5, 9], 2, 9]);
  book.close();
});

for (const event of [other('Resync', 2, { epoch: 'f' }), other('PresentsChanged', 6)]) {
  test(`on ${event.__typename} the book is read again, and what comes after it is not lost`, async () => {
    const server = twin();
    const book = await server.opened();
    Object.assign(server, { seq: event.seq, epoch: 'f', elements: [rectangle('b')] });
    const reread = server.nextFollowed();
    server.tell(event);
    // Of the subscription that was given up.
    server.tell(canvas(6, { elements: [rectangle('stale')] }));
    await reread;
    assert.deepEqual([ids(book), server.followed.at(-1), book.state.epoch], [['el_b'], event.seq, 'f']);
    server.tell(canvas(event.seq + 1, { elements: [rectangle('c')] }));
    assert.deepEqual(ids(book), ['el_b', 'el_c']);
    book.close();
  });
}

test('an edit is shown at once, and never flickers until the book holds it', async () => {
  const server = twin();
  const book = await server.opened();
  const seen = [];
  book.subscribe(() => seen.push(book.state.elements[0]?.x));
  const { outcome } = book.apply([{ updateElement: { id: 'el_a', x: 50 } }]);
  const [{ batchId, operations, resolve }] = server.batches;
  assert.deepEqual(operations, [{ updateElement: { id: 'el_a', x: 50 } }]);
  // Somebody else's comes first, so that ours is the later one.
  server.tell(canvas(6, { elements: [rectangle('a', { x: 10 })] }));
  resolve(applied(7, 'APPLIED'));
  await outcome;
  assert.equal(book.pendingCount, 1);
  server.tell({ ...canvas(7, { elements: [rectangle('a', { x: 50 })] }), batchId });
  assert.deepEqual([seen, book.pendingCount], [[50, 50, 50, 50], 0]);
  server.tell(canvas(8, { elements: [rectangle('a', { x: 60 })] }));
  assert.equal(book.state.elements[0].x, 60);
  book.close();
});

test('an edit that was answered before a backup was restored does not stay for ever', async () => {
  const server = twin();
  const book = await server.opened();
  const { outcome } = book.apply([{ updateElement: { id: 'el_a', x: 50 } }]);
  server.batches[0].resolve(applied(6, 'APPLIED'));
  await outcome;
  Object.assign(server, { seq: 2, epoch: 'f' });
  const reread = server.nextFollowed();
  server.tell(other('Resync', 2, { epoch: 'f' }));
  await reread;
  assert.deepEqual([book.pendingCount, book.state.elements[0].x], [0, 0]);
  book.close();
});

test('a refused edit is rolled back', async () => {
  const server = twin();
  const book = await server.opened();
  const { outcome } = book.apply([{ deleteElement: { id: 'el_a', ifSeq: 1 } }]);
  assert.deepEqual(ids(book), []);
  const userErrors = [{ code: 'CONFLICT', message: 'Somebody was faster.', path: [] }];
  server.batches[0].resolve({ applyOperations: { seq: null, results: null, conflicts: [], userErrors } });
  assert.equal((await outcome).status, 'refused');
  assert.deepEqual([ids(book), book.pendingCount], [['el_a'], 0]);
  book.close();
});

test('an edit of what somebody else deletes is gone with it', async () => {
  const server = twin();
  const book = await server.opened();
  const { outcome } = book.apply([{ updateElement: { id: 'el_a', x: 50 } }]);
  server.tell(canvas(6, { deletedElementIds: ['el_a'] }));
  assert.deepEqual(ids(book), []);
  server.batches[0].resolve(applied(6, 'GONE'));
  assert.deepEqual((await outcome).results, ['GONE']);
  assert.deepEqual([ids(book), book.pendingCount], [[], 0]);
  book.close();
});

test('a book that may not be seen any more ends, and says why', async () => {
  const server = twin();
  const book = await server.opened();
  const { outcome } = book.apply([{ deleteElement: { id: 'el_a' } }]);
  const ended = new Promise((resolve) => book.watch(resolve));
  server.end(new Refused('FORBIDDEN', 'You may not see this book any more.'));
  assert.deepEqual(await ended, { phase: 'ended', code: 'FORBIDDEN', message: 'You may not see this book any more.' });
  assert.deepEqual(await outcome, { status: 'unknown' });
  assert.deepEqual(ids(book), ['el_a']);
  assert.throws(() => book.apply([]), Refused);
});

test('before it has been read nothing can be edited; it is ready once it is live', async () => {
  const server = twin();
  const book = new Book(server, 'bk_1');
  assert.throws(() => book.apply([]), { code: 'NOT_READ' });
  const state = await book.ready();
  assert.deepEqual([state === book.state, state.seq, book.status.phase], [true, 5, 'live']);
  assert.equal(await book.ready(), state);
  book.close();
  assert.throws(() => book.apply([]), { code: 'CLOSED' });
  await assert.rejects(book.ready(), { name: 'Refused', code: 'CLOSED' });
});

test('whoever waits for it is told why it ends before it is live', async () => {
  for (const [end, code] of [
    [(server) => server.end(new Refused('FORBIDDEN', 'Not you.')), 'FORBIDDEN'],
    [(_, book) => book.close(), 'CLOSED'],
  ]) {
    const server = twin();
    server.opens = false;
    const book = new Book(server, 'bk_1');
    const ready = assert.rejects(book.ready(), { name: 'Refused', code });
    await server.nextFollowed();
    end(server, book);
    await ready;
  }
});

test('a first read that does not succeed is told', () => {
  const server = twin();
  server.isAway = true;
  const book = new Book(server, 'bk_1');
  assert.deepEqual([book.status, server.reads], [{ phase: 'waiting', message: 'no network' }, 1]);
  book.close();
});
