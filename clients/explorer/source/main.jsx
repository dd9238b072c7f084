/** The explorer: GraphiQL under a header that carries the story from tab to tab. */
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";

import { makeFetcher } from "./fetcher.js";
import { Header } from "./header.jsx";
import { accept, begin, noteExamples } from "./story.js";
import { openTab, storage } from "./storage.js";
import { nameOf } from "./tabs.js";
import "@graphiql/react/style.css";
import "@graphiql/react/font/fira-code.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./style.css";

// As addresses, not as blobs, so that `worker-src 'self'` is enough.
self.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(new URL(`explorer/${WORKERS[label] ?? WORKERS.other}`, document.baseURI)),
};

const here = new URL(location.pathname, location.href);
const socket = new URL(here);
socket.protocol = here.protocol === "https:" ? "wss:" : "ws:";

async function open() {
  const answer = await fetch(new URL("explorer/examples.json", here));
  if (!answer.ok) throw new Error(`The examples cannot be read: ${answer.status}.`);
  const { version, examples } = await answer.json();
  noteExamples(version);
  const first = openTab() ?? examples[0];
  createRoot(document.getElementById("explorer")).render(
    <GraphiQL
      fetcher={makeFetcher({ url: here.href, socket: socket.href, begin, accept })}
      storage={storage}
      defaultTabs={examples.map((example) => ({ ...example, name: nameOf(example.name) }))}
      initialQuery={first?.query ?? ""}
      initialVariables={first?.variables ?? ""}
      defaultEditorToolsVisibility="variables"
      shouldPersistHeaders={false}
      inputValueDeprecation
      schemaDescription
    >
      <GraphiQL.Logo>{" "}</GraphiQL.Logo>
      <Header place={document.getElementById("story")} />
    </GraphiQL>,
  );
}

open().catch((failure) => {
  document.getElementById("explorer").textContent = `The explorer could not be opened. ${failure.message}`;
});
