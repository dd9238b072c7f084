import assert from 'node:assert/strict';
import test from 'node:test';
import { Socket } from '../dist/socket.js';
import { sockets } from './wires.mjs';

const turn = () => new Promise(setImmediate);

/** A subscription on a socket, and what it ended with; time passes when it is told to. */
async function subscribed({ mock }, script, options) {
  mock.timers.enable({ apis: ['setTimeout'] });
  const socket = new Socket('wss://books.example.org', { current: async () => null }, sockets(script, options).Wire);
  const ends = [];
  const sink = { next: () => undefined, error: ({ code }) => ends.push(code), complete: () => ends.push('complete') };
  socket.client.subscribe({ query: 's' }, sink);
  await turn();
  const pass = async (milliseconds) => {
    mock.timers.tick(milliseconds);
    await turn();
  };
  return { socket, ends, pass };
}

test('a connection that answers no ping is lost', async (context) => {
  let pings = 0;
  const { socket, ends, pass } = await subscribed(context, (wire, happening) => {
    if (happening === 'init') wire.say({ type: 'connection_ack' });
    if (happening === 'ping' && ++pings < 3) wire.say({ type: 'pong' });
  });
  assert.equal(socket.isOpen, true);
  for (let seconds = 10; seconds <= 30; seconds += 10) {
    await pass(10_000);
    assert.deepEqual([pings, ends], [seconds / 10, []]);
  }
  await pass(9_999);
  assert.deepEqual([ends, socket.isOpen], [[], true]);
  await pass(1);
  assert.deepEqual([ends, socket.isOpen, pings], [[4499], false, 3]);
});

test('a connection that does not open in time is given up', async (context) => {
  for (const opens of [false, true]) {
    const { ends, pass } = await subscribed(context, () => undefined, { opens });
    await pass(9_999);
    assert.deepEqual(ends, []);
    await pass(1);
    assert.deepEqual(ends, [4499]);
    context.mock.timers.reset();
  }
});
