import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Book } from '../dist/book.js';
import { Connection } from '../dist/connection.js';
import { Presence } from '../dist/presence.js';
import { Lost } from '../dist/refusal.js';
import { fields } from './rows.mjs';
import { fetching, sockets } from './wires.mjs';

const url = 'https://books.example.org/graphql';
const error = (code, more) => ({ errors: [{ message: `It is ${code}.`, extensions: { code, ...more } }] });

/** Tokens 1, 2, 3, ...: each refusal gives the next. */
function tokens() {
  const source = (refused) => {
    if (refused !== undefined) source.refused.push(refused);
    return String(source.refused.length + 1);
  };
  source.refused = [];
  return source;
}

async function asked(script, token = tokens()) {
  const { fetch, asked } = fetching(script);
  const connection = new Connection({ url, token, fetch, webSocket: sockets(() => undefined).Wire });
  const answer = await connection.ask('{ x }', { a: 1 }).catch(({ code }) => code);
  return { answer, tokens: asked.map(({ authorization }) => authorization), asked };
}

/** Follows until the script has said `data`; what its sockets were opened with, and asked for. */
async function followed(script, { token = tokens(), next = () => undefined } = {}) {
  const wires = sockets((wire, happening, message) => {
    if (happening === 'init' && !script.init?.(wire)) wire.say({ type: 'connection_ack' });
    if (happening === 'subscribe') script.subscribe(wire, message);
  });
  const connection = new Connection({ url, token, webSocket: wires.Wire });
  const stop = new AbortController();
  const phases = [];
  let place = 0;
  const sink = {
    next: (data) => {
      if (data.last) stop.abort(new Lost('done'));
      return next(data);
    },
    opened: () => phases.push('opened'),
    waiting: () => phases.push('waiting'),
  };
  const end = await connection.follow('s', () => ({ after: place++ }), sink, stop.signal).catch((error) => error);
  connection.close();
  const { opened } = wires;
  const subscriptions = opened.flatMap((wire) => wire.subscriptions);
  const authorizations = opened.map(({ authorization }) => authorization);
  const after = subscriptions.map(({ variables }) => variables.after);
  return { end: end.code ?? end.message, authorizations, phases, opened, after };
}

const last = (wire, { id }) => wire.say({ type: 'next', id, payload: { data: { last: true } } });
/** The first attempts end like this, and the one after them gets what it wants. */
const at = (...endings) => ({ subscribe: (wire, message) => (endings.shift() ?? last)(wire, message) });
const closing = (code) => (wire) => wire.ends(code);
const telling = (code) => {
  const payload = error(code, { retryAfter: 0.1 }).errors;
  return (wire, { id }) => wire.say({ type: 'error', id, payload });
};

// Side by side: most of their time is spent in waiting.
describe('a connection', { concurrency: true }, () => {
  test('an answer that is lost is asked for again, in the same words', async () => {
    const lost = [
      () => Promise.reject(new TypeError('no network')),
      () => ({ status: 502, text: 'Bad gateway' }),
      () => error('UNAVAILABLE'),
      () => error('RATE_LIMITED', { retryAfter: 0.01 }),
      () => ({ data: { x: 1 } }),
    ];
    const { answer, asked: questions } = await asked((number) => lost[number]());
    const different = new Set(questions.map((question) => JSON.stringify(question)));
    assert.deepEqual([answer, questions.length, different.size], [{ x: 1 }, 5, 1]);
    assert.deepEqual(questions[0], { url, authorization: 'Bearer 1', query: '{ x }', variables: { a: 1 } });
  });

  test('what was refused is not asked again', async () => {
    for (const code of ['NOT_FOUND', 'FORBIDDEN', 'BAD_USER_INPUT', 'TOO_COSTLY']) {
      const { answer, tokens } = await asked(() => error(code));
      assert.deepEqual([answer, tokens.length], [code, 1]);
    }
    assert.equal((await asked(() => ({ status: 413, text: '' }))).answer, 'HTTP_413');
  });

  test("the server's own mistake is tried three times", async () => {
    const { answer, tokens } = await asked(() => error('INTERNAL'));
    assert.deepEqual([answer, tokens.length], ['INTERNAL', 3]);
  });

  test('a token that is refused is renewed, twice at most', async () => {
    const renewed = await asked((number) => (number ? { data: {} } : error('UNAUTHENTICATED')));
    assert.deepEqual(renewed.tokens, ['Bearer 1', 'Bearer 2']);
    const refused = await asked(() => error('UNAUTHENTICATED'));
    assert.deepEqual([refused.answer, refused.tokens.length], ['UNAUTHENTICATED', 3]);
    const over = await asked(() => error('UNAUTHENTICATED'), (refused) => (refused ? null : 'one'));
    assert.deepEqual([over.answer, over.tokens], ['UNAUTHENTICATED', ['Bearer one']]);
    const nobody = await asked(() => error('UNAUTHENTICATED'), () => null);
    assert.deepEqual([nobody.answer, nobody.tokens], ['UNAUTHENTICATED', [undefined]]);
  });

  test('many that are refused with one token renew it once', async () => {
    const token = tokens();
    const isRefused = ({ authorization }) => authorization === 'Bearer 1';
    const { fetch } = fetching((_, asked) => (isRefused(asked) ? error('UNAUTHENTICATED') : { data: {} }));
    const connection = new Connection({ url, token, fetch, webSocket: sockets(() => undefined).Wire });
    await Promise.all(Array.from({ length: 5 }, () => connection.ask('{ x }')));
    assert.deepEqual(token.refused, ['1']);
  });

  test('a socket that is cut is opened again, and followed from where it is by then', async () => {
    const { end, after, phases, opened } = await followed(at(...[1006, 1012, 1013, 1011].map(closing)));
    assert.deepEqual([end, after, opened.length], ['done', [0, 1, 2, 3, 4], 5]);
    assert.deepEqual(phases.slice(0, 3), ['opened', 'waiting', 'opened']);
    assert.deepEqual([opened[0].url, opened[0].protocol], ['wss://books.example.org/graphql', 'graphql-transport-ws']);
  });

  test('a subscription that ends for a while is made again, on the same socket', async () => {
    const complete = (wire, { id }) => wire.say({ type: 'complete', id });
    const { end, after, opened } = await followed(at(complete, telling('RATE_LIMITED')));
    assert.deepEqual([end, after, opened.length], ['done', [0, 1, 2], 1]);
  });

  test('a subscription that its reader gives up is made again', async () => {
    const some = (wire, { id }) => {
      for (const part of [1, 2]) wire.say({ type: 'next', id, payload: { data: { part } } });
    };
    const parts = [];
    const next = ({ part }) => (parts.push(part), part ? new Lost('again') : undefined);
    const { end, after } = await followed(at(some), { next });
    // The second message came at once with the first, of a subscription that was over by then.
    assert.deepEqual([end, after, parts], ['done', [0, 1], [1, undefined]]);
  });

  test('a token that has expired is renewed, and the socket opened anew', async () => {
    for (const ending of [closing(4403), closing(4401), telling('UNAUTHENTICATED')]) {
      const { end, authorizations } = await followed(at(ending));
      assert.deepEqual([end, authorizations], ['done', ['Bearer 1', 'Bearer 2']]);
    }
    const init = (wire) => wire.number === 0 && (wire.ends(4403), true);
    assert.deepEqual((await followed({ init, subscribe: last })).authorizations, ['Bearer 1', 'Bearer 2']);
  });

  test('a session that is over ends it', async () => {
    const given = await followed(at(closing(4401)), { token: (refused) => (refused ? null : 'one') });
    assert.deepEqual([given.end, given.authorizations], ['UNAUTHENTICATED', ['Bearer one']]);
    const again = await followed({ subscribe: closing(4401) });
    assert.deepEqual([again.end, again.authorizations.length], ['UNAUTHENTICATED', 3]);
  });

  test('what would only come once more ends it', async () => {
    for (const code of [4400, 4406, 4409, 4429]) {
      const { end, opened } = await followed({ subscribe: closing(code) });
      assert.deepEqual([end, opened.length], [`CLOSED_${code}`, 1]);
    }
    for (const code of ['NOT_FOUND', 'FORBIDDEN', 'BAD_USER_INPUT']) {
      assert.equal((await followed({ subscribe: telling(code) })).end, code);
    }
  });
});

const ended = (follower) => new Promise((resolve) => follower.watch(({ code }) => code && resolve(code)));
const silent = { next: () => undefined };

test('where there is no WebSocket, it says which option gives one', (context) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
  context.after(() => before && Object.defineProperty(globalThis, 'WebSocket', before));
  delete globalThis.WebSocket;
  assert.throws(() => new Connection({ url }), { name: 'TypeError', message: /`webSocket`/ });
});

test('an address that can be neither asked nor followed is refused at once', () => {
  const { Wire } = sockets(() => undefined);
  for (const wrong of ['ws://x.org/graphql', 'ftp://x.org/', 'httpx://x.org/']) {
    assert.throws(() => new Connection({ url: wrong, webSocket: Wire }), { name: 'TypeError', message: /of http/ });
  }
});

test('why there is no answer yet is told each time', async () => {
  const cause = Object.assign(new Error(''), { code: 'ECONNREFUSED' });
  const failed = [() => Promise.reject(new TypeError('fetch failed', { cause })), () => ({ status: 502, text: '' })];
  const { fetch } = fetching((number) => failed[number]?.() ?? { data: {} });
  const connection = new Connection({ url, fetch, webSocket: sockets(() => undefined).Wire });
  const told = [];
  await connection.ask('{ x }', {}, undefined, ({ message }) => told.push(message));
  assert.deepEqual(told, ['fetch failed: ECONNREFUSED', 'HTTP 502']);
});

test('closing it ends all that hangs on it, and nothing opens a socket again', async ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const wires = sockets((wire, happening) => happening === 'init' && wire.say({ type: 'connection_ack' }));
  const images = { nodes: [], pageInfo: { hasNextPage: false, endCursor: null } };
  const answer = { ...fields, seq: 1, epoch: 'e', viewerRole: 'EDITOR', pages: [], elements: [], images };
  const { fetch, asked } = fetching((_, { query }) =>
    query.startsWith('query Snapshot') ? { data: { viewer: null, book: answer } } : new Promise(() => undefined),
  );
  const connection = new Connection({
    ...{ url, webSocket: wires.Wire },
    // As the global one, it ends with its signal.
    fetch: (at, init) =>
      Promise.race([
        fetch(at, init),
        new Promise((_, reject) => init.signal.addEventListener('abort', () => reject(init.signal.reason))),
      ]),
  });
  const book = new Book(connection, 'bk_1');
  const presence = new Presence(connection, 'bk_1', { clientId: 'tab' });
  await book.ready();
  const { outcome } = book.apply([]);
  const ends = [book, presence].map(ended);
  for (const rest of [connection.ask('{ x }'), connection.follow('s', () => ({}), silent)]) {
    ends.push(rest.catch(({ code }) => code));
  }
  await new Promise(setImmediate);
  const count = asked.length;
  connection.close();
  assert.deepEqual(await Promise.all(ends), ['CLOSED', 'CLOSED', 'CLOSED', 'CLOSED']);
  // It may have been done.
  assert.deepEqual(await outcome, { status: 'unknown' });
  await assert.rejects(connection.ask('{ x }'), { code: 'CLOSED' });
  await assert.rejects(connection.follow('s', () => ({}), silent), { code: 'CLOSED' });
  assert.equal(await ended(new Book(connection, 'bk_1')), 'CLOSED');
  mock.timers.tick(60_000);
  await new Promise(setImmediate);
  assert.deepEqual([count, asked.length, wires.opened.length], [3, 3, 1]);
});
