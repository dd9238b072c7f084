import assert from 'node:assert/strict';
import test from 'node:test';
import { Moving } from '../dist/moving.js';
import { Lost, Refused } from '../dist/refusal.js';

const turn = () => new Promise(setImmediate);
const at = (x) => ({ cursor: { x, y: 0 } });
const SECOND = 1000;

/** Answers by the script, with no errors unless it says so; `manual` answers wait in `open`. */
function moving({ mock }, { answer = () => [], manual = false } = {}) {
  mock.timers.enable({ apis: ['setTimeout'] });
  const [sent, refused, open] = [[], [], []];
  const send = async (move) => {
    const number = sent.push(move);
    if (manual) await new Promise((resolve) => open.push(resolve));
    return answer(number, move);
  };
  const moving = new Moving(send, ({ code }) => refused.push(code));
  const pass = async (milliseconds) => {
    for (let passed = 0; passed < milliseconds; passed++) {
      mock.timers.tick(1);
      await turn();
    }
  };
  return { moving, sent, refused, open, pass };
}

const error = (code, ...path) => ({ code, message: code, path: ['input', ...path] });

test('the first is sent at once, then at most 30 a second, and the last always', async (context) => {
  const { moving: one, sent, pass } = moving(context);
  one.begin();
  for (let x = 1; x <= 500; x++) {
    one.move(at(x));
    await pass(2);
  }
  assert.deepEqual(sent[0], at(1));
  assert.ok(sent.length >= 29 && sent.length <= 30, String(sent.length));
  await pass(SECOND);
  assert.deepEqual(sent.at(-1), at(500));
  const { length } = sent;
  await pass(SECOND);
  assert.equal(sent.length, length);
});

test('what waits becomes one, in which each field is the last of it', async (context) => {
  const { moving: one, sent, pass } = moving(context);
  one.begin();
  one.move(at(1));
  const frames = [{ elementId: 'el_a', x: 0, y: 0 }];
  one.move({ frames, selection: ['el_a'] });
  // What is said must not be changed by whom it belongs to.
  frames.pop();
  one.move({ ...at(2), selection: null, pageId: undefined });
  await pass(34);
  assert.deepEqual(sent, [at(1), { ...at(2), frames: [{ elementId: 'el_a', x: 0, y: 0 }], selection: [] }]);
});

test('nothing is sent before one is there, and all of it whenever one is there again', async (context) => {
  const { moving: one, sent, pass } = moving(context);
  one.move(at(1));
  one.move({ pageId: 'pg_one' });
  await pass(SECOND);
  assert.deepEqual(sent, []);
  one.begin();
  one.move(at(2));
  await pass(SECOND);
  assert.deepEqual(sent, [{ ...at(1), pageId: 'pg_one' }, at(2)]);
  one.end();
  one.move({ selection: ['el_a'] });
  await pass(SECOND);
  assert.equal(sent.length, 2);
  one.begin();
  assert.deepEqual(sent[2], { ...at(2), pageId: 'pg_one', selection: ['el_a'] });
});

test('a server that does not answer is not sent more than ten', async (context) => {
  const { moving: one, sent, open, pass } = moving(context, { manual: true });
  one.begin();
  for (let x = 1; x <= 20; x++) {
    one.move(at(x));
    await pass(34);
  }
  assert.deepEqual(sent.map(({ cursor }) => cursor.x), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  open[0]();
  await turn();
  assert.deepEqual(sent.at(-1), at(20));
});

for (const failure of [new Lost('no answer'), [error('NOT_FOUND', 'clientId')]]) {
  test(`after ${failure.message ?? failure[0].code} all of it is said again, a little later`, async (context) => {
    const answer = (number) => (number > 1 ? [] : failure instanceof Error ? Promise.reject(failure) : failure);
    const { moving: one, sent, refused, pass } = moving(context, { answer });
    one.move({ pageId: 'pg_one' });
    one.begin();
    one.move(at(1));
    await turn();
    await pass(124);
    assert.equal(sent.length, 1);
    await pass(126);
    assert.deepEqual([sent.length, sent[1], refused], [2, { ...at(1), pageId: 'pg_one' }, []]);
    await pass(10 * SECOND);
    assert.equal(sent.length, 2);
  });
}

test('a field that is wrong is told of and forgotten, and the rest is sent again', async (context) => {
  const wrong = [error('NOT_FOUND', 'selection', '0'), error('NOT_FOUND', 'pageId')];
  const answer = (number) => (number === 1 ? wrong : []);
  const { moving: one, sent, refused, pass } = moving(context, { answer });
  one.move({ ...at(1), selection: ['nonsense'], pageId: 'nonsense' });
  one.begin();
  // Said before the answer.
  one.move({ pageId: 'pg_two' });
  await pass(SECOND);
  assert.deepEqual([refused, sent.slice(1)], [['NOT_FOUND'], [{ ...at(1), pageId: 'pg_two' }]]);
  assert.deepEqual(one.said, { ...at(1), pageId: 'pg_two' });
});

test('of frames that are forbidden the rest was taken', async (context) => {
  const answer = () => [error('FORBIDDEN', 'frames')];
  const { moving: one, sent, refused, pass } = moving(context, { answer });
  one.begin();
  one.move({ ...at(1), frames: [{ elementId: 'el_a', x: 0, y: 0 }] });
  await pass(SECOND);
  assert.deepEqual([refused, sent.length, one.said], [['FORBIDDEN'], 1, at(1)]);
});

for (const failure of [new Refused('BAD_USER_INPUT', 'No number.'), new Lost('Our mistake.', 0, true)]) {
  test(`what fails by ${failure.message} is not said again`, async (context) => {
    const answer = (number) => (number === 1 ? Promise.reject(failure) : []);
    const { moving: one, sent, refused, pass } = moving(context, { answer });
    one.begin();
    one.move(at(NaN));
    await turn();
    one.move({ pageId: 'pg_one' });
    await pass(SECOND);
    assert.deepEqual([refused, sent.slice(1)], [[failure.code ?? 'INTERNAL'], [{ pageId: 'pg_one' }]]);
  });
}
