/** GraphiQL calls a tab after its last operation and lets nobody else; the story's tabs keep the names they were given. */

/** What a tab is called: `01-sign-in` is "1 Sign in". */
export function nameOf(example) {
  const [number, first, ...rest] = example.split("-");
  return [Number(number), first[0].toUpperCase() + first.slice(1), ...rest].join(" ");
}

/** The tab under its own name, if it has one: a name is kept and stored with its tab. */
export function named(tab, name = tab.name) {
  return !name || tab.title === name ? tab : { ...tab, name, title: name };
}
