import assert from 'node:assert/strict';
import test from 'node:test';
import { Pending, PENDING_LIMIT } from '../dist/pending.js';
import { Refused } from '../dist/refusal.js';

/** A way to the server that answers when it is told to. */
function way(place = { seq: 1, epoch: 'e' }) {
  const asked = [];
  let told = () => undefined;
  const send = (batchId, operations) =>
    new Promise((resolve, reject) => {
      asked.push({ batchId, operations, resolve, reject });
      told();
    });
  const changes = { count: 0 };
  const pending = new Pending(send, () => place, () => changes.count++);
  const nextSent = () => new Promise((resolve) => (told = resolve));
  return { asked, pending, place, changes, nextSent, laid: () => [...pending.laid()].flat() };
}

const done = (seq, ...statuses) => ({
  ...{ seq, results: statuses.map((status) => ({ status })), conflicts: null, userErrors: [] },
});

test('batches are sent one after the other, in their order', async () => {
  const { asked, pending, nextSent } = way();
  const outcomes = [pending.add('a', [1]), pending.add('b', [2])];
  assert.deepEqual(asked.map(({ batchId }) => batchId), ['a']);
  const sent = nextSent();
  asked[0].resolve(done(2, 'APPLIED'));
  assert.deepEqual(await outcomes[0], { status: 'applied', seq: 2, results: ['APPLIED'] });
  await sent;
  assert.deepEqual(asked.map(({ batchId }) => batchId), ['a', 'b']);
});

test('a batch is laid over the book until its own event, whichever comes first', async () => {
  const { asked, pending, place, laid } = way();
  const outcome = pending.add('a', ['edit']);
  assert.deepEqual(laid(), ['edit']);
  place.seq = 2;
  pending.reached(2, 'a');
  assert.deepEqual([laid(), pending.size], [[], 1]);
  asked[0].resolve(done(2, 'APPLIED'));
  await outcome;
  assert.equal(pending.size, 0);
});

test('an answered batch is laid over the book until its seq is reached', async () => {
  const { asked, pending, laid } = way();
  const outcome = pending.add('a', ['edit']);
  asked[0].resolve(done(3, 'APPLIED'));
  await outcome;
  pending.reached(2, 'another');
  assert.deepEqual([laid(), pending.size], [['edit'], 1]);
  pending.reached(3, null);
  assert.deepEqual([laid(), pending.size], [[], 0]);
});

test('one that changed nothing is over at once', async () => {
  const { asked, pending, laid } = way();
  const outcome = pending.add('a', ['edit']);
  asked[0].resolve(done(1, 'NOOP'));
  assert.equal((await outcome).results[0], 'NOOP');
  assert.deepEqual(laid(), []);
});

test('what is refused is rolled back, and the next one is sent', async () => {
  const { asked, pending, laid, nextSent } = way();
  const outcomes = [pending.add('a', ['bad']), pending.add('b', ['good']), pending.add('c', ['late'])];
  const userErrors = [{ code: 'CONFLICT', message: 'Somebody was faster.', path: [] }];
  const sent = nextSent();
  asked[0].resolve({ seq: null, results: null, conflicts: ['now'], userErrors });
  assert.deepEqual(await outcomes[0], { status: 'refused', userErrors, conflicts: ['now'] });
  assert.deepEqual(laid(), ['good', 'late']);
  await sent;
  const last = nextSent();
  asked[1].reject(new Refused('FORBIDDEN', 'You may not.'));
  const [refusal] = (await outcomes[1]).userErrors;
  await last;
  assert.deepEqual(refusal, { code: 'FORBIDDEN', message: 'You may not.', path: [] });
  assert.deepEqual([laid(), asked.length], [['late'], 3]);
});

test('what was answered in another epoch is not waited for', async () => {
  const { asked, pending, place, laid, nextSent } = way({ seq: 900, epoch: 'old' });
  const outcomes = [pending.add('a', ['answered']), pending.add('b', ['under way']), pending.add('c', ['waiting'])];
  const sent = nextSent();
  asked[0].resolve(done(901, 'APPLIED'));
  await Promise.all([outcomes[0], sent]);
  Object.assign(place, { seq: 5, epoch: 'new' });
  pending.beginEpoch();
  assert.deepEqual(laid(), ['under way', 'waiting']);
  asked[1].resolve(done(902, 'APPLIED'));
  await outcomes[1];
  assert.deepEqual(laid(), ['waiting']);
});

test('so many are on their way and no more, answered ones that are not seen yet included', async () => {
  const { asked, pending } = way();
  const first = pending.add('0', []);
  for (let number = 1; number < PENDING_LIMIT; number++) void pending.add(String(number), []);
  assert.throws(() => pending.add('one more', []), RangeError);
  asked[0].resolve(done(2));
  await first;
  assert.throws(() => pending.add('one more', []), RangeError);
  pending.reached(2);
  void pending.add('one more', []);
  assert.equal(pending.size, PENDING_LIMIT);
});

test('at the end nobody is left waiting', async () => {
  const { asked, pending, changes, laid } = way();
  const outcomes = [pending.add('a', ['x']), pending.add('b', ['y'])];
  pending.stop();
  asked[0].resolve(done(2));
  assert.deepEqual(await Promise.all(outcomes), [{ status: 'unknown' }, { status: 'unknown' }]);
  // An answer that comes after it has nothing left to change.
  await new Promise(setImmediate);
  assert.deepEqual([laid(), pending.size, asked.length, changes.count], [[], 0, 1, 0]);
});
