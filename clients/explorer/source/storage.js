/**
 * Where the explorer keeps things. Tabs and history hold tokens and passwords, so they, like the story, live as long as
 * this browser tab (a duplicate of it starts with a copy); only theme and layout stay in the browser.
 */

const PREFIX = "leporello:";
const TABS = "graphiql:tabState";
const OF_THE_SESSION = new Set([TABS, "graphiql:queries", "graphiql:favorites"]);
// GraphiQL keeps the open tab's editors a second time under these, and opens another tab when the two disagree.
const KEPT_IN_THE_TAB = new Set(["graphiql:query", "graphiql:variables", "graphiql:headers"]);

let isSealed = false;

/** A browser that forbids storage still gets a working page: it forgets on reload. */
function reach(name) {
  try {
    const storage = window[name];
    storage.getItem(PREFIX);
    return storage;
  } catch {
    const held = new Map();
    return {
      getItem: (key) => held.get(key) ?? null,
      setItem: (key, value) => void held.set(key, value),
      removeItem: (key) => void held.delete(key),
      get length() {
        return held.size;
      },
    };
  }
}

const browser = reach("localStorage");
const session = reach("sessionStorage");

const storageOf = (key) => (OF_THE_SESSION.has(key) ? session : browser);

/** What GraphiQL is given for its storage. */
export const storage = {
  getItem: (key) => storageOf(key).getItem(PREFIX + key),
  setItem: (key, value) => {
    if (!isSealed && !KEPT_IN_THE_TAB.has(key)) storageOf(key).setItem(PREFIX + key, value);
  },
  removeItem: (key) => storageOf(key).removeItem(PREFIX + key),
  get length() {
    return browser.length + session.length;
  },
};

function readSession(key) {
  try {
    return JSON.parse(session.getItem(PREFIX + key));
  } catch {
    return null;
  }
}

function writeSession(key, value) {
  try {
    session.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Full or forbidden: the story goes on and is forgotten on reload.
  }
}

/** The tab that was open when this page was last left, if there was one. */
export function openTab() {
  const { tabs, activeTabIndex } = readSession(TABS) ?? {};
  return tabs?.[Math.min(Math.max(activeTabIndex, 0), tabs.length - 1)];
}

export const readStory = () => readSession("story") ?? {};
export const writeStory = (story) => writeSession("story", story);

/** The version of the examples that the kept tabs were made from; null when there are no kept tabs. */
export function knownExamples(version) {
  if (readSession(TABS) !== null) return readSession("examples");
  writeSession("examples", version);
  return null;
}

/** Forgets tabs, tokens and ids; what GraphiQL still means to write is dropped until the page is loaded again. */
export function forgetAll() {
  isSealed = true;
  for (const key of [TABS, "examples", "story"]) session.removeItem(PREFIX + key);
}
