/** Builds the explorer into server/explorer/static: hashed names, no source maps, everything compressed already. */
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const HERE = dirname(fileURLToPath(import.meta.url));
const STATIC = join(HERE, "../../server/explorer/static");

// What an editor of queries never shows. The rest of Monaco stays: completion, hover, find, folding, go to definition.
const UNUSED_CONTRIBUTIONS = [
  "anchorSelect", "codelens", "colorPicker", "comment/browser/comment", "diffEditor", "dropOrPasteInto", "gotoError",
  "iPadShowKeyboard", "inlayHints", "inlineCompletions", "inlineEdit", "inlineEdits", "inlineProgress", "inspectTokens",
  "linkedEditing", "rename", "sectionHeaders", "semanticTokens", "standaloneCommandsQuickAccess",
  "standaloneGotoLineQuickAccess", "standaloneGotoSymbolQuickAccess", "standaloneHelpQuickAccess", "stickyScroll",
  "suggestInlineCompletions", "toggleHighContrast", "unicodeHighlighter",
];

// Around the two functions with which GraphiQL gives a tab its title.
const NAMING = `
function createTab(tab) {
  return named(create(tab), tab?.name);
}

function setPropertiesInActiveTab(state, partialTab) {
  const { tabs, ...rest } = setProperties(state, partialTab);
  return { ...rest, tabs: tabs.map((tab) => named(tab)) };
}
`;

/** A module with the functions that `names` names called otherwise where they are made; one that is gone stops the build. */
function renamed(source, names) {
  return Object.entries(names).reduce((text, [from, to]) => {
    if (!text.includes(`function ${from}(`)) throw new Error(`GraphiQL has no ${from} any more: see build.mjs.`);
    return text.replace(`function ${from}(`, `function ${to}(`);
  }, source);
}

const lean = {
  name: "lean",
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /monaco-editor[\\/]esm[\\/]vs[\\/]editor[\\/](edcore\.main|editor\.all)\.js$/ }, async ({ path }) => {
      const lines = (await readFile(path, "utf8")).split("\n");
      const isUnused = (line) => UNUSED_CONTRIBUTIONS.some((name) => line.startsWith("import ") && line.includes(`/${name}`));
      return { contents: lines.filter((line) => !isUnused(line)).join("\n"), loader: "js" };
    });
    onLoad({ filter: /@graphiql[\\/]react[\\/]dist[\\/]utility[\\/]jsonc\.js$/ }, async ({ path }) => {
      const ours = JSON.stringify(join(HERE, "source/jsonc.js"));
      const theirs = renamed(await readFile(path, "utf8"), { formatJSONC: "unused" });
      return { contents: `import { formatJSONC } from ${ours};\n${theirs}`, loader: "js" };
    });
    onLoad({ filter: /@graphiql[\\/]react[\\/]dist[\\/]utility[\\/]tabs\.js$/ }, async ({ path }) => {
      const theirs = renamed(await readFile(path, "utf8"), { createTab: "create", setPropertiesInActiveTab: "setProperties" });
      return { contents: `import { named } from ${JSON.stringify(join(HERE, "source/tabs.js"))};\n${theirs}\n${NAMING}`, loader: "js" };
    });
    // The last of Fira Code's faces is the Latin one. As a file of its own, so that `font-src 'self'` is enough.
    onLoad({ filter: /fira-code\.css$/ }, async ({ path }) => {
      const face = (await readFile(path, "utf8")).split("@font-face").at(-1);
      const [, data] = /data:font\/woff;base64,([^)]+)\)/.exec(face);
      const contents = `@font-face${face.replace(/url\(data:[^)]+\)/, "url(fira-code.woff)")}`;
      return { contents, loader: "css", resolveDir: HERE, pluginData: data };
    });
    onResolve({ filter: /^fira-code\.woff$/ }, ({ pluginData }) => ({ path: "fira-code.woff", namespace: "font", pluginData }));
    onLoad({ filter: /.*/, namespace: "font" }, ({ pluginData }) => ({ contents: Buffer.from(pluginData, "base64"), loader: "file" }));
  },
};

const shared = {
  absWorkingDir: HERE,
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  outdir: STATIC,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "none",
  logLevel: "info",
  target: ["chrome109", "firefox115", "safari16.4"],
};

const workers = await build({
  ...shared,
  format: "iife",
  entryPoints: {
    "editor-worker": "monaco-editor/esm/vs/editor/editor.worker.js",
    "graphql-worker": "monaco-graphql/esm/graphql.worker.js",
    "json-worker": "monaco-editor/esm/vs/language/json/json.worker.js",
  },
});
const worker = (name) => workers.outputFiles.map(({ path }) => basename(path)).find((file) => file.startsWith(name));

const page = await build({
  ...shared,
  format: "esm",
  jsx: "automatic",
  entryPoints: { explorer: "source/main.jsx" },
  loader: { ".ttf": "file" },
  alias: { "prettier/parser-graphql": "prettier/plugins/graphql" },
  plugins: [lean],
  define: {
    ...shared.define,
    WORKERS: JSON.stringify({ graphql: worker("graphql"), json: worker("json"), other: worker("editor") }),
  },
});

const files = [...workers.outputFiles, ...page.outputFiles];
const entry = (suffix) => files.map(({ path }) => basename(path)).find((name) => name.startsWith("explorer-") && name.endsWith(suffix));

/** What the packages ask to be kept with every copy of them. */
async function notices() {
  const inputs = [workers, page].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const packages = new Set(inputs.map((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter(Boolean));
  const byText = new Map();
  for (const folder of [...packages].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(HERE, folder, "package.json"), "utf8"));
    const file = (await readdir(join(HERE, folder))).find((name) => /^licen[cs]e/i.test(name));
    const text = file ? (await readFile(join(HERE, folder, file), "utf8")).trim() : `License: ${license}`;
    byText.set(text, [...new Set([...(byText.get(text) ?? []), `${name} ${version}`])]);
  }
  byText.set("Copyright The Fira Code Project Authors. SIL Open Font License 1.1.", ["Fira Code"]);
  byText.set("Copyright Microsoft Corporation. Creative Commons Attribution 4.0.", ["Codicons"]);
  return [...byText].map(([text, names]) => `${names.join(", ")}\n\n${text}\n`).join(`\n${"-".repeat(78)}\n\n`);
}

/** By this tests/test_explorer.py knows that what is committed was built from what is committed. */
async function origin() {
  const hash = createHash("sha256");
  const sources = (await readdir(join(HERE, "source"))).sort().map((name) => join("source", name));
  for (const name of ["build.mjs", "package-lock.json", ...sources]) hash.update(await readFile(join(HERE, name)));
  return hash.digest("hex");
}

await rm(STATIC, { recursive: true, force: true });
await mkdir(STATIC, { recursive: true });
let total = 0;
for (const { path, contents } of files) {
  const packed = gzipSync(contents, { level: 9 });
  total += packed.length;
  await writeFile(`${path}.gz`, packed);
}
const frame = await readFile(join(HERE, "source/page.html"), "utf8");
await writeFile(join(STATIC, "page.html"), frame.replace("SCRIPT", entry(".js")).replace("STYLE", entry(".css")));
await writeFile(join(STATIC, "NOTICES.txt"), await notices());
await writeFile(join(STATIC, "built-from.txt"), `${await origin()}\n`);
console.log(`${files.length} files, ${Math.round(total / 1024)} KiB`);
