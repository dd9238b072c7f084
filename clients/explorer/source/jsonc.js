/** GraphiQL formats JSON with Prettier's JavaScript parser, a sixth of the whole page; the JSON parser it has can do it. */
import { applyEdits, format } from "jsonc-parser";

export async function formatJSONC(content) {
  return applyEdits(content, format(content, undefined, { insertSpaces: true, tabSize: 2 }));
}
