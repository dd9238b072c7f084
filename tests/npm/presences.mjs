// People in one book, who see each other. Arguments: the story, and as JSON {url, bookId, ada, ben, cleo, benId}, where
// people are their access tokens: Ada owns the book, Ben edits it, and Cleo may only read. Prints when it is done.
import assert from 'node:assert/strict';
import { Presence } from '../../clients/typescript/dist/index.js';
import { Peer } from './peers.mjs';

const { url, bookId, benId, ...tokens } = JSON.parse(process.argv[3]);
const calm = () => 1;
const everybody = [];

/** Somebody who follows the book as well, over the same socket. */
class Here {
  /** How many they have seen there at once. */
  counts = [];

  constructor(name, options) {
    this.peer = new Peer(url, () => tokens[name], bookId, calm);
    this.presence = new Presence(this.peer.connection, bookId, options);
    this.presence.subscribe(() => this.counts.push(this.presence.people.length));
    everybody.push(this);
  }

  get id() {
    return this.presence.people.find(({ isSelf }) => isSelf)?.id;
  }

  of({ id }) {
    return this.presence.people.find((each) => each.id === id);
  }

  /** Once it holds, which is asked after each change. */
  until(holds) {
    return new Promise((resolve) => {
      const look = () => holds(this.presence) && (leaving.forEach((leave) => leave()), resolve());
      const leaving = [this.presence.subscribe(look), this.presence.watch(look)];
      look();
    });
  }

  sees(other, x) {
    return this.until(() => this.of(other)?.cursor?.x === x);
  }

  close() {
    this.presence.close();
    this.peer.close();
  }
}

const count = (number) => ({ people, status }) => status.phase === 'live' && people.length === number;
const at = (x) => ({ cursor: { x, y: 0 } });

const stories = {
  async meet() {
    const ada = new Here('ada');
    // Before she is there.
    ada.presence.move(at(-1));
    await ada.until(count(1));
    assert.deepEqual([ada.of(ada).user.name, ada.of(ada).role], ['Ada', 'OWNER']);
    const ben = new Here('ben');
    await Promise.all([ada, ben].map((each) => each.until(count(2))));
    assert.deepEqual(ben.presence.people.map(({ user }) => user.name), ['Ada', 'Ben']);
    await ben.sees(ada, -1);
    const selection = [`el_${crypto.randomUUID()}`];
    const sent = [];
    const [socket] = ben.peer.sockets;
    const { send } = socket;
    socket.send = (...message) => (sent.push(message), send.apply(socket, message));
    for (let x = 1; x <= 300; x++) ben.presence.move({ ...at(x), selection });
    const frame = { elementId: selection[0], x: 1, y: 2 };
    ben.presence.move({ frames: [frame] });
    await ada.sees(ben, 300);
    await ada.until(() => ada.of(ben).frames.length);
    assert.deepEqual(ada.of(ben).selection, selection);
    assert.equal(ada.of(ben).frames[0].y, 2);
    assert.ok(sent.length < 10, sent.join());
    ben.presence.close();
    await ada.until(count(1));
    assert.deepEqual(ben.presence.people, []);
  },

  async cut() {
    const [ada, ben] = [new Here('ada'), new Here('ben')];
    await Promise.all([ada, ben].map((each) => each.until(count(2))));
    const { id } = ben;
    for (const each of [ada, ben]) each.counts = [];
    for (let cuts = 1; cuts <= 3; cuts++) {
      for (const socket of ben.peer.sockets) socket.terminate();
      await ben.until(({ status }) => status.phase === 'waiting');
      ben.presence.move(at(cuts));
      await ada.sees(ben, cuts);
    }
    assert.equal(ben.id, id);
    const counts = new Set([...ada.counts, ...ben.counts]);
    assert.deepEqual([...counts], [2]);
  },

  async duplicate() {
    const clientId = crypto.randomUUID();
    const [ada, ben] = [new Here('ada'), new Here('ben', { clientId })];
    await Promise.all([ada, ben].map((each) => each.until(count(2))));
    const { id } = ben;
    const twice = new Here('ben', { clientId });
    await Promise.all([ada, ben, twice].map((each) => each.until(count(3))));
    assert.deepEqual([twice.id, ben.id === id], [id, false]);
    ben.presence.move(at(1));
    twice.presence.move(at(2));
    await Promise.all([ada.sees(ben, 1), ada.sees(twice, 2)]);
  },

  async refused() {
    const [ada, ben, cleo] = ['ada', 'ben', 'cleo'].map((name) => new Here(name));
    await Promise.all([ada, ben, cleo].map((each) => each.until(count(3))));
    cleo.presence.move({ ...at(1), frames: [{ elementId: `el_${crypto.randomUUID()}`, x: 1, y: 2 }] });
    await cleo.until(({ status }) => status.code === 'FORBIDDEN');
    await ada.sees(cleo, 1);
    assert.deepEqual([ada.of(cleo).frames, cleo.of(cleo).frames], [[], []]);
    cleo.presence.move({ ...at(2), pageId: 'nonsense' });
    await cleo.until(({ status }) => status.code === 'NOT_FOUND');
    await ada.sees(cleo, 2);
    assert.deepEqual([ada.of(cleo).pageId, cleo.presence.status.phase], [null, 'live']);
    const remove = 'mutation ($bookId: ID!, $userId: ID!) { removeMember(bookId: $bookId, userId: $userId) { ok } }';
    const { signal } = new AbortController();
    await ada.peer.connection.ask(remove, { bookId, userId: benId }, signal);
    await ben.until(({ status }) => status.phase === 'ended');
    await ada.until(count(2));
    assert.deepEqual([ben.presence.status.code, ben.presence.people], ['FORBIDDEN', []]);
  },
};

await stories[process.argv[2]]();
console.log(JSON.stringify('done'));
for (const each of everybody) each.close();
