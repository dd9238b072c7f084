// A reader whose access token expires while they follow a book, because it cannot be renewed before, and whose session
// then ends; and a member who is removed. Prints what became of them. Argument: as JSON {url, bookId, owner, reader,
// member, memberId, expires}, where people are their access tokens: of the reader two, of which the first expires then.
import assert from 'node:assert/strict';
import { Peer } from './peers.mjs';

const { url, bookId, expires, memberId, ...tokensOf } = JSON.parse(process.argv[2]);
const { owner: ownerToken, reader: tokens, member: memberToken } = tokensOf;
const calm = () => 1;
const refused = [];
let lost = 0;
const tokenOfReader = (no) => {
  if (no !== undefined && Date.now() < expires) {
    lost += 1;
    throw new TypeError('no network');
  }
  if (no !== undefined) refused.push(tokens.indexOf(no));
  return tokens[refused.length] ?? null;
};
const owner = new Peer(url, () => ownerToken, bookId, calm);
const reader = new Peer(url, tokenOfReader, bookId, calm);
const member = new Peer(url, () => memberToken, bookId, calm);
const readers = [reader, member];

/** The owner writes, and the readers see it. */
async function write(content) {
  await owner.until(({ state }) => state !== null);
  const placement = { x: 0, y: 0, width: 1, height: 1 };
  const { outcome } = owner.book.apply([{ createText: { placement, content } }]);
  assert.equal((await outcome).status, 'applied');
  await Promise.all(readers.map((each) => each.until(({ state }) => state?.elements.at(-1)?.content === content)));
}

const ended = ({ book }) =>
  new Promise((resolve) => book.watch(({ phase, code }) => phase === 'ended' && resolve(code)));
const signal = new AbortController().signal;

await write('before');
await reader.until(({ status }) => refused.length === 1 && status.phase === 'live');
await write('after');
const ends = readers.map(ended);
await reader.connection.ask('mutation { signOut { revokedSessionIds } }', {}, signal);
const remove = 'mutation ($bookId: ID!, $userId: ID!) { removeMember(bookId: $bookId, userId: $userId) { ok } }';
await owner.connection.ask(remove, { bookId, userId: memberId }, signal);
const codes = await Promise.all(ends);
const heard = reader.heard.map(({ seq }) => seq);
console.log(JSON.stringify({ codes, lost, refused, heard, seq: reader.book.state.seq }));
for (const peer of [owner, ...readers]) peer.close();
