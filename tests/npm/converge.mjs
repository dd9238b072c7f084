// Several clients edit one book at the same time over connections that break; in the end all have what a query gives.
// Arguments: the address; as JSON {seeds: [first, how many], peers, operations: of each, tokens?, via?: another address
// that the peers use}. Without tokens, people sign up. Prints a line of JSON for each seed, and ends with 1 where
// something is not as it must be. By hand, against `make run`, after `npm ci` here and `npm run build` in the client:
//   node converge.mjs http://127.0.0.1:8000/graphql '{"seeds": [1, 200], "peers": 8, "operations": 200}'
import assert from 'node:assert/strict';
import { documents } from '../../clients/typescript/dist/index.js';
import { drawn } from './painters.mjs';
import { Peer, randomOf } from './peers.mjs';

/** Milliseconds that all of a seed may take, how many batches of a peer are on their way, and the longest of them. */
const LIMIT = 120_000;
const AHEAD = 4;
const LONGEST = 4;
/** What may be refused: the only page deleted, above one of another page, changed since, or unknown for a refusal. */
const REFUSALS = ['INVALID', 'CONFLICT', 'NOT_FOUND'];

const url = process.argv[2];
const { tokens, seeds, peers: count, operations, via = url } = JSON.parse(process.argv[3]);

async function ask(token, query, variables = {}) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  assert.deepEqual(errors, undefined);
  return data;
}

async function signedUp() {
  const input = { name: 'Peer', email: `${crypto.randomUUID()}@example.org`, password: crypto.randomUUID() };
  const document = 'mutation ($input: SignUpInput!) { signUp(input: $input) { tokens { accessToken } } }';
  return (await ask(null, document, { input })).signUp.tokens.accessToken;
}

/** The first one's book, to which the others belong. */
async function madeBook([owner, ...others]) {
  const made = await ask(owner, 'mutation { createBook(input: {title: "All together"}) { book { id } } }');
  const bookId = made.createBook.book.id;
  for (const other of others) {
    const { email } = (await ask(other, '{ viewer { email } }')).viewer;
    const invite = 'mutation ($input: InviteMemberInput!) { inviteMember(input: $input) { invitation { id } } }';
    const { inviteMember } = await ask(owner, invite, { input: { bookId, email, role: 'EDITOR' } });
    const accept = 'mutation ($id: ID) { acceptInvitation(id: $id) { seq } }';
    await ask(other, accept, { id: inviteMember.invitation.id });
  }
  return bookId;
}

/** Edits as somebody does who does not wait for answers. */
async function paint(peer, { random, book } = peer) {
  const batches = [];
  for (let done = 0; done < operations; ) {
    await peer.until(({ state, pendingCount }) => state !== null && pendingCount < AHEAD);
    const length = Math.min(1 + Math.floor(random() * LONGEST), operations - done);
    const batch = Array.from({ length }, () => drawn(random, book.state));
    const before = book.state;
    batches.push(book.apply(batch));
    assert.notEqual(book.state, before);
    peer.mayBeCut();
    done += length;
  }
  peer.isCalm = true;
  return Promise.all(batches.map(async ({ batchId, outcome }) => ({ batchId, ...(await outcome) })));
}

/** Each batch has one event, of the seq that its answer said, and none where it changed nothing. */
function checkLedger(outcomes, heard) {
    for (const { batchId, status, seq, results = [] } of outcomes) {
    const told = heard.filter((event) => event.batchId === batchId).map((event) => event.seq);
    const isTold = results.includes('APPLIED') && heard.some((event) => event.seq === seq);
    assert.deepEqual(told, isTold ? [seq] : [], `${batchId}: ${status}`);
  }
}

/** Events in order, each once; nothing that was deleted is told of again. */
function checkHeard({ heard }) {
  const deleted = new Set();
  let seq = 0;
  for (const event of heard) {
    assert.ok(event.seq > seq, `${event.seq} after ${seq}`);
    seq = event.seq;
    for (const { id } of event.elements ?? []) assert.ok(!deleted.has(id), `${id} came back`);
    for (const id of event.deletedElementIds ?? []) deleted.add(id);
  }
}

const shown = ({ state }) => {
  const { viewerRole, images, ...rest } = state;
  return { ...rest, images: [...images.values()] };
};

/** The book as a query gives it, once all have heard so much; asked again when its epoch ends meanwhile. */
async function settled(token, bookId, peers) {
  for (;;) {
    const known = new Set(peers.map(({ book }) => book.state.epoch));
    const { book } = await ask(token, documents().snapshot, { bookId });
    const isThere = ({ state, pendingCount }) =>
      state.epoch === book.epoch && state.seq >= book.seq && pendingCount === 0;
    const isBeyond = ({ state }) => state.epoch !== book.epoch && !known.has(state.epoch);
    const beyond = peers.map((peer) => peer.until(isBeyond).then(() => false));
    const there = Promise.all(peers.map((peer) => peer.until(isThere))).then(() => true);
    if (await Promise.race([there, ...beyond])) return book;
  }
}

async function converge(seed, people) {
  const begun = performance.now();
  const bookId = await madeBook(people);
  const peers = people.map((token, number) => new Peer(via, () => token, bookId, randomOf(seed * 1000 + number)));
  try {
    const outcomes = (await Promise.all(peers.map((peer) => paint(peer)))).flat();
    const { images, viewerRole, seq, epoch, pages, elements, ...book } = await settled(people[0], bookId, peers);
    const expected = { seq, epoch, book, pages, elements, images: images.nodes };
    for (const peer of peers) {
      assert.deepEqual(shown(peer.book), expected);
      checkHeard(peer);
      checkLedger(outcomes, peer.heard);
    }
    const sheets = new Set(pages.map(({ id }) => id));
    assert.deepEqual(elements.filter(({ pageId }) => !sheets.has(pageId)), []);
    const counts = { applied: 0, GONE: 0 };
    for (const outcome of outcomes) {
      const code = outcome.status === 'applied' ? 'applied' : outcome.userErrors?.[0].code;
      assert.ok(['applied', ...REFUSALS].includes(code), JSON.stringify(outcome));
      counts[code] = (counts[code] ?? 0) + 1;
      counts.GONE += (outcome.results ?? []).filter((status) => status === 'GONE').length;
    }
    const sum = (name) => peers.reduce((total, peer) => total + peer.counts[name], 0);
    const seconds = Math.round(performance.now() - begun) / 1000;
    const broken = { cuts: sum('cuts'), lost: sum('lost'), rereads: sum('rereads') };
    return { seed, seq, elements: elements.length, ...counts, ...broken, seconds };
  } finally {
    for (const peer of peers) peer.close();
  }
}

const people = tokens ?? (await Promise.all(Array.from({ length: count }, signedUp)));
const [first, number] = seeds;
for (let seed = first; seed < first + number; seed++) {
  const stuck = setTimeout(() => {
    console.error(`seed ${seed}: not done after ${LIMIT / 1000} s`);
    process.exit(1);
  }, LIMIT);
  try {
    console.log(JSON.stringify(await converge(seed, people)));
  } catch (error) {
    console.error(`seed ${seed}:`, error);
    process.exit(1);
  }
  clearTimeout(stuck);
}
