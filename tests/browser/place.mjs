/**
 * Follows the first link of a mail at /dev/mail, and tells on standard output, as JSON, what was seen.
 *
 * Takes one JSON argument: base, mail (a template's name), chromium, profile (a fresh folder).
 */
import { opened } from "./opened.mjs";

const { base, mail, chromium: executablePath, profile } = JSON.parse(process.argv[2]);
const { seen, context, page } = await opened({ executablePath, profile, viewport: { width: 1000, height: 800 } });
const operation = page.locator("#operation");

try {
  await page.goto(`${base}/dev/mail/template/${mail}`);
  await page.locator("#links a").first().click();
  await operation.waitFor();
  seen.shown.title = await page.title();
  seen.shown.token = await page.locator("#token").innerText();
  seen.shown.operation = await operation.innerText();

  seen.shown.after = {};
  for (const hash of ["", "another_one", 'x") { ok } deleteViewer { ok } #']) {
    await page.evaluate((given) => {
      const changed = new Promise((resolve) => addEventListener("hashchange", resolve, { once: true }));
      location.hash = given;
      return changed;
    }, hash);
    seen.shown.after[hash] = await operation.innerText();
  }
} catch (failure) {
  seen.failure = String(failure);
} finally {
  await context.close();
}
console.log(JSON.stringify(seen));
