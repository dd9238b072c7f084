/** The line above GraphiQL: where we are in the story, who is signed in, and a way back to the beginning. */
import { pick, useGraphiQL } from "@graphiql/react";
import { useEffect, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";

import { fillHeaders, fillVariables } from "./fill.js";
import { forgetAll } from "./storage.js";
import { currentSession, getStory, goOnAs, say, subscribe } from "./story.js";

const WELCOME = "Run the tabs from left to right: each is a step of one story, and leaves its ids for the next.";
const NO_SCHEMA = "The schema cannot be read here, so there is no documentation and no completion; running works.";
const OUTDATED = "The examples have changed since these tabs were made: begin again to see them.";

const BOXES = pick("queryEditor", "variableEditor", "headerEditor", "activeTabIndex", "tabs");
const SCHEMA = pick("fetchError", "schema");

export function Header({ place }) {
  const story = useSyncExternalStore(subscribe, getStory);
  useFilling(story);
  const { fetchError, schema } = useGraphiQL(SCHEMA);
  const { sessions, current, notice, uploadCommand, isOutdated } = story;
  const words = notice || (fetchError && !schema && NO_SCHEMA) || (isOutdated && OUTDATED) || WELCOME;
  return createPortal(
    <>
      <h1>Leporello</h1>
      <p role="status">{words}</p>
      {uploadCommand && (
        <button type="button" onClick={() => copy(uploadCommand)} title={uploadCommand}>
          Copy upload command
        </button>
      )}
      <label>
        Signed in as{" "}
        <select value={current ?? ""} onChange={({ target }) => goOnAs(target.value || null)}>
          <option value="">nobody</option>
          {sessions.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <button type="button" onClick={beginAgain} title="Forgets tabs, tokens and ids, and opens the examples anew">
        Begin again
      </button>
    </>,
    place,
  );
}

/** Fills the boxes of the open tab: when it is opened, and when the story goes on. */
function useFilling(story) {
  const { queryEditor, variableEditor, headerEditor, tabs, activeTabIndex } = useGraphiQL(BOXES);
  const tab = tabs[activeTabIndex]?.id;
  useEffect(() => {
    for (const editor of [queryEditor, headerEditor]) editor?.updateOptions({ wordWrap: "on" });
  }, [queryEditor, headerEditor]);
  useEffect(() => {
    if (variableEditor) write(variableEditor, fillVariables(variableEditor.getValue(), story));
  }, [variableEditor, tab, story.left]);
  useEffect(() => {
    if (headerEditor) write(headerEditor, fillHeaders(headerEditor.getValue(), currentSession(story), false));
  }, [headerEditor, tab]);
  useEffect(() => {
    if (headerEditor && story.turn > 0) {
      write(headerEditor, fillHeaders(headerEditor.getValue(), currentSession(story), true));
    }
  }, [headerEditor, story.turn]);
}

function write(editor, text) {
  if (text !== undefined) editor.setValue(text);
}

/** Browsers lend the clipboard to secure contexts only; elsewhere the command is shown instead. */
async function copy(command) {
  try {
    await navigator.clipboard.writeText(command);
    say("Copied. Run it in a shell, in the folder that holds the file; then go on with CompleteUploads.");
  } catch {
    say(command);
  }
}

function beginAgain() {
  forgetAll();
  location.reload();
}
