// What this tab calls itself: a UUID that it keeps when its page is loaded anew.

import { uuid } from './operations.js';

const KEY = 'leporello.clientId';

export function tabId(): string {
  return kept() ?? anotherTabId();
}

/** For a tab that was duplicated, and its id with it. */
export function anotherTabId(): string {
  const id = uuid();
  try {
    globalThis.sessionStorage?.setItem(KEY, id);
  } catch {
    // Nothing may be kept here: it lasts as long as whoever asked for it.
  }
  return id;
}

function kept(): string | null {
  try {
    return globalThis.sessionStorage?.getItem(KEY) ?? null;
  } catch {
    return null;
  }
}
