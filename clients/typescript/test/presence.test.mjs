import assert from 'node:assert/strict';
import test from 'node:test';
import { Presence } from '../dist/presence.js';
import { Completed, Lost, Refused } from '../dist/refusal.js';

const turn = () => new Promise(setImmediate);

const person = (name, joinedAt, more = {}) => ({
  ...{ id: `pr_${name}`, user: { id: `us_${name}`, name }, role: 'EDITOR', joinedAt, pageId: null },
  ...{ cursor: null, selection: [], frames: [], ...more },
});
const [ada, ben, cleo] = ['ada', 'ben', 'cleo'].map((name, number) => person(name, `2026-01-0${number + 1}`));
const snapshot = (self, ...present) => ({ __typename: 'PresenceSnapshot', selfId: self.id, present });
const updated = (presence) => ({ __typename: 'PresenceUpdated', presence });
const left = ({ id }) => ({ __typename: 'PresenceLeft', id });

/** The server's honest twin: what it tells is said by the test, and what it is told is kept. */
class Twin {
  joins = [];
  moves = [];
  errors = [];

  async follow(_, variables, sink, signal) {
    for (;;) {
      this.joins.push(variables().clientId);
      sink.opened();
      const failure = await new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        Object.assign(this, { cut: resolve, end: reject, tell: (presence) => sink.next({ presence }) });
      });
      sink.waiting(failure);
      await turn();
    }
  }

  async askOnce(_, { input }) {
    this.moves.push(input);
    return { updatePresence: { userErrors: this.errors } };
  }
}

function joined(...present) {
  const server = new Twin();
  const presence = new Presence(server, 'bk_1', { clientId: 'tab' });
  const phases = [];
  presence.watch(({ phase, code }) => phases.push(code ? `${phase} ${code}` : phase));
  if (present.length) server.tell(snapshot(ben, ...present));
  return { server, presence, phases };
}

const ids = ({ people }) => people.map(({ id }) => id);

test('everybody is there in the order in which they came, oneself marked', () => {
  const { server, presence, phases } = joined();
  assert.deepEqual([presence.status, presence.people], [{ phase: 'joining' }, []]);
  server.tell(snapshot(ben, cleo, ben, ada));
  assert.deepEqual(presence.people, [
    { ...ada, isSelf: false },
    { ...ben, isSelf: true },
    { ...cleo, isSelf: false },
  ]);
  assert.equal(presence.people, presence.people);
  assert.deepEqual([server.joins, phases], [['tab'], ['live']]);
  presence.close();
});

test('others come, move and leave; whoever did not is the same object', () => {
  const { server, presence } = joined(ada, ben);
  const [before] = presence.people;
  let changes = 0;
  presence.subscribe(() => changes++);
  server.tell(updated(cleo));
  assert.deepEqual(ids(presence), ['pr_ada', 'pr_ben', 'pr_cleo']);
  server.tell(updated({ ...cleo, cursor: { x: 1, y: 2 } }));
  assert.deepEqual([presence.people[2].cursor, presence.people[0] === before], [{ x: 1, y: 2 }, true]);
  server.tell(left(cleo));
  assert.deepEqual([ids(presence), changes], [['pr_ada', 'pr_ben'], 3]);
  presence.close();
});

test('what one says of oneself is shown at once, and a role that others gave', () => {
  const { server, presence } = joined(ada, ben);
  presence.move({ cursor: { x: 1, y: 2 }, selection: ['el_a'] });
  assert.deepEqual(presence.people[1], { ...ben, cursor: { x: 1, y: 2 }, selection: ['el_a'], isSelf: true });
  server.tell(updated({ ...ben, role: 'VIEWER' }));
  assert.deepEqual([presence.people[1].role, presence.people[1].cursor], ['VIEWER', { x: 1, y: 2 }]);
  assert.deepEqual(server.moves[0], {
    ...{ bookId: 'bk_1', clientId: 'tab', cursor: { x: 1, y: 2 }, selection: ['el_a'] },
  });
  presence.close();
});

test('a new snapshot replaces everything, and is no new beginning', () => {
  const { server, presence, phases } = joined(ada, ben);
  presence.move({ pageId: 'pg_one' });
  server.tell(snapshot(ben, ben, cleo));
  assert.deepEqual([ids(presence), server.moves.length, phases], [['pr_ben', 'pr_cleo'], 1, ['live']]);
  presence.close();
});

test('a cut connection is no flicker: the same tab comes back, and says again where it is', async ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { server, presence, phases } = joined(ada, ben);
  presence.move({ pageId: 'pg_one' });
  mock.timers.tick(1000);
  const seen = [];
  presence.subscribe(() => seen.push(ids(presence).join()));
  server.cut(new Lost('gone'));
  // Not so long that it has come back.
  await Promise.resolve();
  presence.move({ cursor: { x: 1, y: 1 } });
  assert.deepEqual([server.moves.length, presence.status.message], [1, 'gone']);
  await turn();
  await turn();
  // As others have seen it all the time.
  server.tell(snapshot(ben, ada, { ...ben, pageId: 'pg_one' }, cleo));
  assert.deepEqual(seen, ['pr_ada,pr_ben', 'pr_ada,pr_ben,pr_cleo']);
  assert.deepEqual([server.joins, phases], [['tab', 'tab'], ['live', 'waiting', 'live']]);
  assert.deepEqual(server.moves[1], { bookId: 'bk_1', clientId: 'tab', pageId: 'pg_one', cursor: { x: 1, y: 1 } });
  presence.close();
});

test('a tab whose place was taken by its duplicate becomes another', async () => {
  const { server, presence } = joined(ada, ben);
  server.cut(new Completed('over'));
  await turn();
  await turn();
  assert.equal(server.joins.length, 2);
  assert.notEqual(server.joins[1], 'tab');
  assert.match(server.joins[1], /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  presence.close();
});

test('what is refused of a move is told by the status, once, and is not shown', async () => {
  const { server, presence, phases } = joined(ada, ben);
  server.errors = [{ code: 'FORBIDDEN', message: 'For editors.', path: ['input', 'frames'] }];
  for (let times = 0; times < 2; times++) {
    presence.move({ frames: [{ elementId: 'el_a', x: 1, y: 1 }] });
    assert.equal(presence.people[1].frames.length, 1);
    while (presence.people[1].frames.length) await turn();
  }
  assert.equal(server.moves.length, 2);
  assert.deepEqual(phases, ['live', 'live FORBIDDEN']);
  assert.deepEqual(presence.status, { phase: 'live', code: 'FORBIDDEN', message: 'For editors.' });
  presence.close();
});

test('who may not be there any more is told why, and shown nobody', async () => {
  const { server, presence, phases } = joined(ada, ben);
  const ended = new Promise((resolve) => presence.watch(resolve));
  server.end(new Refused('FORBIDDEN', 'You may not see it any more.'));
  assert.deepEqual(await ended, { phase: 'ended', code: 'FORBIDDEN', message: 'You may not see it any more.' });
  presence.move({ pageId: 'pg_one' });
  presence.close();
  assert.deepEqual([presence.people, server.moves, phases], [[], [], ['live', 'ended FORBIDDEN']]);
});

test('whoever closes it has gone, and says and hears nothing more', async ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { server, presence, phases } = joined(ada, ben);
  server.errors = [{ code: 'NOT_FOUND', message: 'There is no such page.', path: ['input', 'pageId'] }];
  for (const pageId of ['pg_one', 'pg_two']) presence.move({ pageId });
  let changes = 0;
  presence.subscribe(() => changes++);
  presence.close();
  presence.move({ pageId: 'pg_three' });
  await turn();
  mock.timers.tick(1000);
  assert.deepEqual([presence.people, server.moves.length, changes, phases], [[], 1, 1, ['live', 'closed']]);
});

test('a tab keeps its id where it can', async () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  const before = Object.getOwnPropertyDescriptor(globalThis, 'sessionStorage');
  const clientId = () => {
    const server = new Twin();
    new Presence(server, 'bk_1').close();
    return server.joins[0];
  };
  try {
    for (const [get, isKept] of [[() => storage, true], [() => undefined, false], [() => assert.fail(), false]]) {
      Object.defineProperty(globalThis, 'sessionStorage', { configurable: true, get });
      assert.equal(clientId() === clientId(), isKept);
    }
  } finally {
    if (before) Object.defineProperty(globalThis, 'sessionStorage', before);
    else delete globalThis.sessionStorage;
  }
});
