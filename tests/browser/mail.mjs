/**
 * Opens /dev/mail as a person would, and tells on standard output, as JSON, what was seen.
 *
 * Takes one JSON argument: base, chromium, profile (a fresh folder), and optionally picture (where a screenshot goes).
 */
import { opened } from "./opened.mjs";

const { base, chromium: executablePath, profile, picture } = JSON.parse(process.argv[2]);
const viewport = { width: 1000, height: 1600 };
const { seen, context, page } = await opened({ executablePath, profile, viewport });
seen.dialogs = [];
page.on("dialog", (dialog) => {
  seen.dialogs.push(dialog.message());
  return dialog.dismiss();
});

try {
  await page.goto(`${base}/dev/mail`);
  seen.shown.title = await page.title();
  seen.shown.sent = await page.locator("#sent a").allInnerTexts();
  seen.shown.templates = await page.locator("#templates a").allInnerTexts();
  seen.shown.isStyled = await page.locator("body").evaluate((body) => getComputedStyle(body).maxWidth);

  await page.locator("#sent a").first().click();
  const frame = page.frameLocator("#page");
  await frame.getByText("Look at the invitation").waitFor();
  seen.shown.subject = await page.locator("h1").innerText();
  seen.shown.headers = await page.locator("#headers dt").allInnerTexts();
  seen.shown.links = await page.locator("#links a").evaluateAll((all) => all.map(({ href }) => href));
  seen.shown.text = await page.locator("#text").innerText();
  seen.shown.page = await frame.locator("body").innerText();
  seen.shown.button = await frame.locator("a").evaluate((link) => getComputedStyle(link).backgroundColor);
  seen.shown.origin = await frame.locator("body").evaluate(() => self.origin);

  seen.shown.looks = {};
  for (const name of seen.shown.templates) {
    await page.goto(`${base}/dev/mail/template/${name}`);
    seen.shown.looks[name] = await page.frameLocator("#page").locator("body").innerText();
    if (picture) await page.screenshot({ path: `${picture}-${name}.png`, fullPage: true });
  }
} catch (failure) {
  seen.failure = String(failure);
} finally {
  await context.close();
}
console.log(JSON.stringify(seen));
