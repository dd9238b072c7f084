import assert from 'node:assert/strict';
import test from 'node:test';
import { Connection } from '../dist/connection.js';
import { sockets } from './wires.mjs';

const NOW = 1_750_000_000;
const MINUTE = 60_000;
const turn = () => new Promise(setImmediate);

/** One that was issued so many seconds ago, and lives so long. */
function token(name, { ago = 0, lives = 900 } = {}) {
  const claims = { name, iat: NOW - ago, exp: NOW - ago + lives };
  return `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`;
}
const nameOf = (authorization) => JSON.parse(Buffer.from(authorization.split('.')[1], 'base64url')).name;

/**
 * Follows something with the first of the tokens; each that is refused gives the next. `answer` is given to
 * renewConnection, which is answered with no errors otherwise.
 */
async function followed({ mock }, tokens, { answer, source } = {}) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1000 * NOW });
  const refused = [];
  const renewed = [];
  const wires = sockets((wire, happening, message) => {
    if (happening === 'init') wire.say({ type: 'connection_ack' });
    if (happening === 'ping') wire.say({ type: 'pong' });
    const { query, variables } = message?.payload ?? {};
    if (!query?.includes('renewConnection')) return;
    renewed.push(nameOf(variables.accessToken));
    const { id } = message;
    for (const said of answer?.(wire, id, renewed.length) ?? [{ data: { renewConnection: { userErrors: [] } } }]) {
      wire.say({ type: 'next', id, payload: said });
      wire.say({ type: 'complete', id });
    }
  });
  const given = (no) => {
    if (no !== undefined) refused.push(nameOf(no));
    return tokens[refused.length] ?? null;
  };
  const connection = new Connection({ url: 'https://x.org/', token: source?.(given) ?? given, webSocket: wires.Wire });
  const phases = [];
  const sink = { next: () => undefined, opened: () => phases.push('opened'), waiting: () => phases.push('waiting') };
  const stop = new AbortController();
  const end = connection.follow('s', () => ({}), sink, stop.signal).catch(({ code }) => code);
  await turn();
  const pass = async (milliseconds) => {
    mock.timers.tick(milliseconds);
    // Some promises stand between a timer and what is said on the wire.
    for (let turns = 0; turns < 3; turns++) await turn();
  };
  const close = () => (stop.abort(), connection.close());
  const opened = () => wires.opened.map(({ authorization }) => nameOf(authorization));
  return { refused, renewed, phases, pass, close, opened, end, wire: () => wires.opened.at(-1) };
}

test('a token is renewed a minute before its end, again and again, on the same socket', async (context) => {
  const tokens = [token('one', { ago: 300 }), token('two', { lives: 899 }), token('three', { lives: 3600 })];
  tokens.push(token('four'));
  const { refused, renewed, phases, pass, close, opened, wire } = await followed(context, tokens);
  await pass(9 * MINUTE - 1);
  assert.deepEqual([refused, renewed], [[], []]);
  await pass(1);
  assert.deepEqual([refused, renewed], [['one'], ['two']]);
  await pass(5 * MINUTE - 1001);
  assert.deepEqual(renewed, ['two']);
  await pass(1);
  assert.deepEqual([refused, renewed], [['one', 'two'], ['two', 'three']]);
  assert.deepEqual([opened(), phases], [['one'], ['opened']]);
  // The one that is refused is the one that it has by now.
  wire().ends(4401);
  await turn();
  assert.deepEqual([opened(), refused.at(-1)], [['one', 'four'], 'three']);
  close();
});

test('a token that is short is renewed when half of it has passed, and one without an end never', async (context) => {
  for (const [first, at] of [
    [token('short', { ago: 860 }), 20_000],
    // This machine is an hour behind.
    [token('slow', { ago: -3600 }), 14 * MINUTE],
  ]) {
    const { renewed, pass, close } = await followed(context, [first, token('next', { lives: 7200 })]);
    await pass(at - 1);
    assert.deepEqual(renewed, []);
    await pass(1);
    assert.deepEqual(renewed, ['next']);
    close();
    context.mock.timers.reset();
  }
  const claims = (said) => `x.${Buffer.from(JSON.stringify(said)).toString('base64url')}.y`;
  for (const first of [claims({ name: 'endless' }), token('over', { ago: 900 }), token('moment', { ago: 899.5 })]) {
    const { refused, pass, close } = await followed(context, [first, token('next')]);
    await pass(60 * MINUTE);
    assert.deepEqual(refused, []);
    close();
    context.mock.timers.reset();
  }
});

test('where the application has another already, it is taken as it is', async (context) => {
  let has = token('one');
  const asked = [];
  const source = () => (no) => (no && asked.push(no), has);
  const { renewed, pass, close } = await followed(context, [], { source });
  has = token('two', { lives: 3600 });
  await pass(14 * MINUTE);
  assert.deepEqual([renewed, asked], [['two'], []]);
  close();
});

test('what is lost is tried again, each time when half of what is left has passed', async (context) => {
  const source = (given) => (no) => {
    if (no !== undefined && failures-- > 0) throw new TypeError('no network');
    return given(no);
  };
  let failures = 2;
  const answer = (_, __, count) => (count > 1 ? undefined : [{ errors: [{ extensions: { code: 'UNAVAILABLE' } }] }]);
  const tokens = [token('one'), token('two', { lives: 3600 })];
  const { renewed, pass, close } = await followed(context, tokens, { source, answer });
  await pass(14 * MINUTE);
  await pass(30_000);
  assert.deepEqual([failures, renewed], [0, []]);
  await pass(15_000);
  assert.deepEqual(renewed, ['two']);
  await pass(7499);
  assert.deepEqual(renewed, ['two']);
  await pass(1);
  assert.deepEqual(renewed, ['two', 'two']);
  close();
});

test('what is refused is not tried again, and the socket is opened anew once it is closed', async (context) => {
  const userErrors = [{ code: 'FORBIDDEN', message: 'Of another session.', path: ['accessToken'] }];
  const answer = () => [{ data: { renewConnection: { userErrors } } }];
  const tokens = [token('one'), token('two', { lives: 3600 })];
  const { renewed, pass, close, phases, opened, wire } = await followed(context, tokens, { answer });
  await pass(14 * MINUTE);
  await pass(MINUTE);
  assert.deepEqual([renewed, opened(), phases], [['two'], ['one'], ['opened']]);
  wire().ends(4403);
  await turn();
  assert.deepEqual([opened(), phases], [['one', 'two'], ['opened', 'opened']]);
  close();
});

test('a session that cannot be renewed goes on to its end', async (context) => {
  const asked = [];
  const source = () => (no) => (no === undefined ? token('one') : (asked.push(nameOf(no)), null));
  const { renewed, pass, phases, end, wire, close } = await followed(context, [], { source });
  await pass(14 * MINUTE);
  await pass(MINUTE);
  assert.deepEqual([asked, renewed, phases], [['one'], [], ['opened']]);
  wire().ends(4403);
  assert.deepEqual([await end, asked], ['UNAUTHENTICATED', ['one', 'one']]);
  close();
});

test('nobody is asked for a token any more once the socket is gone', async (context) => {
  let give;
  let asked = 0;
  const source = (given) => (no) => (asked++, no === undefined ? given() : new Promise((resolve) => (give = resolve)));
  const { pass, close } = await followed(context, [token('one', { ago: 600 })], { source });
  await pass(4 * MINUTE);
  close();
  give(token('two'));
  await pass(0);
  const before = asked;
  await pass(60 * MINUTE);
  assert.equal(asked, before);
});

test('an answer that never comes is not waited for', async (context) => {
  const answer = (_, __, count) => (count > 1 ? undefined : []);
  const tokens = [token('one'), token('two', { lives: 3600 })];
  const { renewed, pass, close } = await followed(context, tokens, { answer });
  await pass(14 * MINUTE);
  assert.deepEqual(renewed, ['two']);
  for (let seconds = 0; seconds < 15; seconds += 5) await pass(5000);
  // Of 45 s half.
  for (let seconds = 0; seconds < 22; seconds += 1) await pass(1000);
  assert.deepEqual(renewed, ['two']);
  await pass(500);
  assert.deepEqual(renewed, ['two', 'two']);
  close();
});
