// A reader whose access token is renewed again and again while they follow a book. Prints what became of them.
// Argument: as JSON {url, bookId, owner, reader, expires}, where people are their access tokens: of the reader three,
// the first of which expires then.
import assert from 'node:assert/strict';
import { Peer } from './peers.mjs';

const { url, bookId, owner: ownerToken, reader: tokens, expires } = JSON.parse(process.argv[2]);
const calm = () => 1;
const refused = [];
const owner = new Peer(url, () => ownerToken, bookId, calm);
const phases = [];
let renewed;
const isRenewed = new Promise((resolve) => (renewed = resolve));
const reader = new Peer(
  url,
  (no) => {
    if (no !== undefined) refused.push(tokens.indexOf(no));
    // Asked for the third one, it has lived for a while by the second.
    if (refused.length === 2) renewed();
    return tokens[refused.length];
  },
  bookId,
  calm,
);
reader.book.watch(({ phase }) => phases.push(phase));

await Promise.all([owner, reader].map((peer) => peer.until(({ status }) => status.phase === 'live')));
const [socket] = reader.sockets;
await isRenewed;
assert.ok(Date.now() > expires);
const placement = { x: 0, y: 0, width: 1, height: 1 };
const { outcome } = owner.book.apply([{ createText: { placement, content: 'after' } }]);
assert.equal((await outcome).status, 'applied');
await reader.until(({ state }) => state.elements.at(-1)?.content === 'after');
const isSame = reader.sockets.size === 1 && reader.sockets.has(socket) && socket.readyState === 1;
console.log(JSON.stringify({ refused, phases, isSame }));
for (const peer of [owner, reader]) peer.close();
