// Somebody who closes the connection only, with a book and a presence on it; prints how both end, and must then exit by
// itself. Argument: as JSON {url, bookId, token}.
import { Book, Connection, Presence } from '../../clients/typescript/dist/index.js';
import WebSocket from 'ws';

const { url, bookId, token } = JSON.parse(process.argv[2]);
let opened = 0;
class Counted extends WebSocket {
  constructor(...given) {
    super(...given);
    opened += 1;
  }
}
const connection = new Connection({ url, token: () => token, webSocket: Counted });
const book = new Book(connection, bookId);
const presence = new Presence(connection, bookId);
const isLive = new Promise((resolve) => presence.watch(({ phase }) => phase === 'live' && resolve()));
await Promise.all([book.ready(), isLive]);
const told = [book, presence].map((each) => new Promise((resolve) => each.watch(resolve)));
connection.close();
const codes = (await Promise.all(told)).map(({ phase, code }) => `${phase} ${code}`);
process.once('beforeExit', () => console.log(JSON.stringify({ codes, opened })));
