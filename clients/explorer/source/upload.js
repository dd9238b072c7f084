/** The command that uploads a file with a ticket, for a POSIX shell; null when there is nothing to upload. */
export function uploadCommand(ticket) {
  if (!ticket?.url || !ticket.fields) return null;
  const file = ticket.image?.filename ?? "FILE";
  const parts = ticket.method === "PUT" ? putting(ticket.fields, file) : posting(ticket.fields, file);
  return ["curl --fail-with-body", ...parts, quote(ticket.url)].join(" \\\n  ");
}

/** With the name in quotes of curl's own, or a comma in it would begin another one. */
function posting(fields, file) {
  const named = `"${file.replaceAll(/["\\]/g, "\\$&")}"`;
  const texts = fields.map(({ name, value }) => `--form-string ${quote(`${name}=${value}`)}`);
  return [...texts, `-F ${quote(`file=@${named}`)}`];
}

/** With `--globoff`, or brackets in the name would be a pattern. */
function putting(fields, file) {
  return [...fields.map(({ name, value }) => `-H ${quote(`${name}: ${value}`)}`), `--globoff -T ${quote(file)}`];
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
