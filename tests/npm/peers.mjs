// Clients of one book whose way to the server breaks by chance: sockets are cut, questions and answers are lost.
import { Book, Connection } from '../../clients/typescript/dist/index.js';
import WebSocket from 'ws';

/** Chances that a request never arrives, and that its answer does not; and for each batch, that the sockets are cut. */
const REQUEST_LOST = 0.03;
const ANSWER_LOST = 0.03;
const CUT = 0.03;

/** Numbers from 0 to 1, always the same of one seed (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Peer {
  constructor(url, token, bookId, random) {
    this.random = random;
    this.counts = { cuts: 0, lost: 0, rereads: 0 };
    this.heard = [];
    const sockets = (this.sockets = new Set());
    class Cuttable extends WebSocket {
      constructor(...given) {
        super(...given);
        sockets.add(this);
        this.addEventListener('close', () => sockets.delete(this));
      }
    }
    this.connection = new Connection({ url, token, webSocket: Cuttable, fetch: this.fetch.bind(this) });
    this.book = new Book(this.connection, bookId, { heard: (event) => this.heard.push(event) });
    // The first time is over by now.
    this.book.watch(({ phase }) => (this.counts.rereads += phase === 'reading' ? 1 : 0));
  }

  async fetch(at, init) {
    const chance = this.isCalm ? 1 : this.random();
    if (chance < REQUEST_LOST) return this.lose();
    const response = await fetch(at, init);
    return chance < REQUEST_LOST + ANSWER_LOST ? this.lose(await response.text()) : response;
  }

  lose() {
    this.counts.lost += 1;
    throw new TypeError('lost');
  }

  mayBeCut() {
    if (this.random() >= CUT) return;
    this.counts.cuts += this.sockets.size;
    for (const socket of this.sockets) socket.terminate();
  }

  /** Once it holds, which is asked after each change. */
  until(holds) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.book.status.phase === 'ended') end(reject, new Error(JSON.stringify(this.book.status)));
        else if (holds(this.book)) end(resolve);
      };
      const leaving = [this.book.subscribe(look), this.book.watch(look)];
      const end = (settle, value) => {
        leaving.forEach((leave) => leave());
        settle(value);
      };
      look();
    });
  }

  close() {
    this.book.close();
    this.connection.close();
  }
}
