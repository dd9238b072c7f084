/** Puts what the story left into the boxes, and leaves alone what somebody wrote there. */

const put = new Set();

function read(text) {
  if (text.trim() === "") return {};
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isEmpty = (value) => value === null || value === "" || (Array.isArray(value) && value.length === 0);

/** The variables with what was left in place of what is empty or was left earlier; undefined when nothing changes. */
export function fillVariables(text, { left, given }) {
  const variables = read(text);
  if (variables === undefined) return undefined;
  let isChanged = false;
  for (const name of Object.keys(variables)) {
    if (!(name in left) || JSON.stringify(variables[name]) === JSON.stringify(left[name])) continue;
    if (!isEmpty(variables[name]) && !given[name]?.includes(JSON.stringify(variables[name]))) continue;
    variables[name] = left[name];
    isChanged = true;
  }
  return isChanged ? JSON.stringify(variables, null, 2) : undefined;
}

/**
 * The headers with the session's token, or without one; undefined when nothing changes. A token that somebody pasted is
 * replaced only by `isAsked`: after signing in or out, or choosing a session.
 */
export function fillHeaders(text, session, isAsked) {
  const headers = read(text);
  if (headers === undefined) return undefined;
  const key = Object.keys(headers).find((name) => name.toLowerCase() === "authorization") ?? "Authorization";
  const wanted = session && `Bearer ${session.accessToken}`;
  if (headers[key] === wanted) return undefined;
  if (headers[key] && !put.has(headers[key]) && !isAsked) return undefined;
  if (wanted) {
    headers[key] = wanted;
    put.add(wanted);
  } else {
    delete headers[key];
  }
  return Object.keys(headers).length > 0 ? JSON.stringify(headers, null, 2) : "";
}
