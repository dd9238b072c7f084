/** What one step of the story leaves for the next: who is signed in, and the ids that were made. */
import { knownExamples, readStory, writeStory } from "./storage.js";
import { uploadCommand } from "./upload.js";

const SESSION_LIMIT = 5;
const GIVEN_LIMIT = 20;

/** Variable, and where an answer's data shows it; `*` is every item of a list. */
const LEAVES = [
  ["bookId", "createBook.book.id"],
  ["after", "createBook.book.seq"],
  ["elementId", "applyOperations.results.0.element.id"],
  ["invitationId", "inviteMember.invitation.id"],
  ["userId", "guest.viewer.user.id"],
  ["imageIds", "requestUploads.tickets.*.image.id"],
  ["imageId", "requestUploads.tickets.0.image.id"],
  ["challengeToken", "signIn.challenge.challengeToken"],
];

function reach(value, [step, ...rest]) {
  if (step === undefined || value === null || value === undefined) return value ?? undefined;
  if (step === "*") return Array.isArray(value) ? value.map((item) => reach(item, rest)) : undefined;
  return reach(value[step], rest);
}

/** `crypto.randomUUID` is for secure contexts only, and a server in the living room has no certificate. */
function freshId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const BEGINNING = {
  sessions: [],
  current: null,
  owner: null,
  left: {},
  given: {},
  turn: 0,
  notice: "",
  uploadCommand: null,
  isOutdated: false,
};
let story = { ...BEGINNING, ...readStory() };
story = { ...story, left: { batchId: freshId(), ...story.left } };
const listeners = new Set();

function tell(change) {
  story = { ...story, ...change };
  const { notice, uploadCommand, isOutdated, ...kept } = story;
  writeStory(kept);
  for (const listener of listeners) listener();
}

export const getStory = () => story;

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const currentSession = ({ sessions, current }) => sessions.find(({ name }) => name === current);

/** What was said of the last run is over when another begins. */
export function begin() {
  if (story.notice) tell({ notice: "" });
}

function isForbidden(result) {
  const payloads = Object.values(result?.data ?? {});
  const codes = [
    ...(result?.errors ?? []).map(({ extensions }) => extensions?.code),
    ...payloads.flatMap((payload) => payload?.userErrors ?? []).map(({ code }) => code),
  ];
  return codes.includes("FORBIDDEN");
}

/** In the story the demo user makes the book; who did is told by name. */
function whoMay({ current, owner }) {
  const who = `FORBIDDEN: you are signed in as ${current ?? "nobody"}`;
  if (owner !== null && owner === current) return `${who}.`;
  return `${who}, and ${owner ?? "the demo user"} owns the book. Choose who you are under "Signed in as".`;
}

/** Looks through an answer for tokens and ids. */
export function accept(result) {
  if (isForbidden(result)) tell({ notice: whoMay(story) });
  const data = result?.data;
  if (!data || typeof data !== "object") return;
  for (const payload of Object.values(data)) {
    if (payload?.tokens?.accessToken) signIn(payload);
  }
  if (data.signOut?.revokedSessionIds?.length > 0) signOut();
  const found = LEAVES.map(([name, path]) => [name, reach(data, path.split("."))]);
  const left = Object.fromEntries(found.filter(([, value]) => value !== undefined));
  if (typeof data.applyOperations?.seq === "number") left.batchId = freshId();
  if (Object.keys(left).length > 0) leave(left);
  if (data.createBook?.book) tell({ owner: story.current });
  if (data.requestUploads) tell({ uploadCommand: uploadCommand(data.requestUploads.tickets?.[0]) });
}

function signIn({ tokens, viewer }) {
  const name = viewer?.user?.name ?? viewer?.email ?? story.current ?? "somebody";
  const { accessToken, refreshToken } = tokens;
  const others = story.sessions.filter((session) => session.name !== name);
  const sessions = [...others, { name, accessToken, refreshToken }].slice(-SESSION_LIMIT);
  const notice = `Signed in as ${name}. The token is in the Headers box, here and in the tabs you open next.`;
  tell({ sessions, current: name, turn: story.turn + 1, notice });
  leave({ refreshToken: refreshToken ?? "" });
}

function signOut() {
  const sessions = story.sessions.filter(({ name }) => name !== story.current);
  tell({ sessions, current: null, turn: story.turn + 1, notice: "Signed out. The token is gone from the Headers box." });
}

/** Goes on as another of those who are signed in; null is nobody. */
export function goOnAs(name) {
  tell({ current: name, turn: story.turn + 1, notice: name ? `Going on as ${name}.` : "Going on as nobody." });
  leave({ refreshToken: currentSession(story)?.refreshToken ?? "" });
}

export const say = (notice) => tell({ notice });

function leave(left) {
  const given = { ...story.given };
  for (const name of Object.keys(left)) {
    if (name in story.left) given[name] = [...(given[name] ?? []), JSON.stringify(story.left[name])].slice(-GIVEN_LIMIT);
  }
  tell({ left: { ...story.left, ...left }, given });
}

export function noteExamples(version) {
  const known = knownExamples(version);
  if (known !== null && known !== version) tell({ isOutdated: true });
}
