/** A page in a fresh profile, and what is seen while it is open; for the scripts beside this. */
import { chromium } from "playwright-core";

const STEP_LIMIT = 30_000; // ms
const FLAGS = [
  "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

export async function opened({ executablePath, profile, viewport }) {
  const seen = { shown: {}, requests: [], violations: [], complaints: [] };
  const context = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS, viewport });
  context.setDefaultTimeout(STEP_LIMIT);
  await context.exposeBinding("tellViolation", (_source, violation) => void seen.violations.push(violation));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
      window.tellViolation(`${effectiveDirective} ${blockedURI}`);
    });
  });
  context.on("request", (request) => seen.requests.push(request.url()));
  context.on("response", (response) => {
    if (response.status() >= 400) seen.complaints.push(`${response.status()} ${response.url()}`);
  });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) seen.complaints.push(message.text());
  });
  return { seen, context, page };
}
