/**
 * Opens the explorer as a person would, and tells on standard output, as JSON, what was seen.
 *
 * Takes one JSON argument: base, chromium, profile (a fresh folder), email and password of somebody who can sign in,
 * and optionally picture (where a screenshot goes).
 */
import { opened } from "./opened.mjs";

const { base, chromium: executablePath, profile, email, password, picture } = JSON.parse(process.argv[2]);
const viewport = { width: 1400, height: 800 };
const { seen, context, page } = await opened({ executablePath, profile, viewport });
seen.sockets = [];
page.on("pageerror", (failure) => seen.complaints.push(String(failure)));
page.on("websocket", (socket) => {
  seen.sockets.push(socket.url());
  seen.requests.push(socket.url());
});

/** What an editor shows, as one line. Monaco shows spaces that do not break. */
const text = async (box) => (await page.locator(`${box} .view-lines`).innerText()).replaceAll(/\s+/g, " ");
const until = (selector, words) =>
  page.waitForFunction(
    ([selector, words]) => {
      const shown = document.querySelector(selector)?.innerText.replaceAll(/\s+/g, " ") ?? "";
      return words.every((word) => shown.includes(word));
    },
    [selector, words],
  );
const RESPONSE = ".result-window .view-lines";
const TOOLS = ".graphiql-editor-tool .graphiql-editor:not(.hidden)";
const tabs = async () => (await page.getByRole("tab").allInnerTexts()).map((name) => name.trim());
const status = () => page.locator("#story [role=status]").innerText();
const tab = (name) => page.getByRole("tab", { name, exact: true }).click();
const tool = (name) => page.getByRole("button", { name, exact: true }).click();
const run = () => page.locator(".graphiql-execute-button").click();

// For a moment after a tab was opened, the play button still offers the operations of the tab before.
const offersOne = () => page.locator(".graphiql-execute-button:not([aria-haspopup])").waitFor();
const offersSeveral = () => page.locator(".graphiql-execute-button[aria-haspopup]").waitFor();

async function runAs(operation) {
  await offersSeveral();
  await run();
  await page.getByRole("menuitem", { name: operation }).click();
}

/** What a whole editor holds, shown or not. Typing would be helped along with closing brackets, so it is set whole. */
const held = (name) => page.evaluate((name) => __MONACO.editor.getModels().find(({ uri }) => uri.path.includes(name)).getValue(), name);

async function fill(variables) {
  await page.evaluate((text) => {
    __MONACO.editor.getModels().find(({ uri }) => uri.path.includes("variables")).setValue(text);
  }, JSON.stringify(variables));
  await until(`${TOOLS} .view-lines`, Object.values(variables));
}

/** What stands behind the # of the link to confirm an address; a worker writes the mail in its own time. */
async function mailed(to) {
  while (true) {
    const answer = await page.request.get(`${base}/dev/mail/last`, { params: { to } });
    const token = (await answer.text()).match(/verify-email#(\S+)/)?.[1];
    if (token) return token;
    await page.waitForTimeout(100);
  }
}

try {
  await page.goto(`${base}/graphql`);
  await page.locator(".graphiql-query-editor .view-lines").waitFor();
  seen.shown.title = await page.title();
  seen.shown.tabs = await tabs();
  seen.shown.tabsOutOfSight = await page.getByRole("tab").evaluateAll((all) => {
    const strip = document.querySelector(".graphiql-tabs").getBoundingClientRect();
    const isInSight = ({ left, right, top, bottom }) =>
      left >= strip.left && right <= strip.right && top >= strip.top && bottom <= strip.bottom && right <= innerWidth;
    return all.filter((one) => !isInSight(one.getBoundingClientRect())).length;
  });

  await fill({ email, password });
  await run();
  await until("#story [role=status]", ["Signed in as"]);
  await until(RESPONSE, ["accessToken"]);
  seen.shown.signedIn = await page.locator("#story select").inputValue();

  await tab("2 Viewer");
  await tool("Headers");
  await until(`${TOOLS} .view-lines`, ["Bearer"]);
  await tool("Variables");

  await tab("3 Create book");
  await run();
  await until(RESPONSE, ["createBook", "seq"]);
  seen.shown.statusAfterTheNextRun = await status();
  const created = JSON.parse(await held("response"));
  const { id: bookId, seq } = created.data.createBook.book;
  seen.shown.created = created.data.createBook.book.title;

  await tab("5 Book events");
  await until(`${TOOLS} .view-lines`, [bookId, String(seq)]);
  const subscribed = page.waitForEvent("websocket").then((socket) => socket.waitForEvent("framesent", ({ payload }) => payload.includes('"subscribe"')));
  await run();
  await subscribed;
  seen.shown.changed = await page.evaluate(async (bookId) => {
    const { sessions } = JSON.parse(sessionStorage.getItem("leporello:story"));
    const answer = await fetch("graphql", {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${sessions[0].accessToken}` },
      body: JSON.stringify({
        query: `mutation Place($input: ApplyOperationsInput!) { applyOperations(input: $input) { seq } }`,
        variables: {
          input: {
            bookId,
            batchId: "8b2c1f4e-0d6a-4d0c-9d53-6a5f1b1f7c11",
            operations: [{ createCircle: { placement: { x: 12.5, y: 7, width: 30, height: 30 } } }],
          },
        },
      }),
    });
    return (await answer.json()).data.applyOperations.seq;
  }, bookId);
  await until(RESPONSE, ["CanvasChanged", "12.5"]);
  seen.shown.live = (await text(".result-window")).includes('"received": 1');
  if (picture) await page.screenshot({ path: picture });
  await run();

  await page.waitForFunction(() => sessionStorage.getItem("leporello:graphiql:tabState")?.includes('"activeTabIndex":4'));
  await page.reload();
  await until(".graphiql-query-editor .view-lines", ["Watch a book change"]);
  await until(`${TOOLS} .view-lines`, [bookId]);
  seen.shown.tabsAfterReload = await tabs();
  seen.shown.signedInAfterReload = await page.locator("#story select").inputValue();
  seen.shown.isTokenInLocalStorage = await page.evaluate(() => {
    const { sessions } = JSON.parse(sessionStorage.getItem("leporello:story"));
    return JSON.stringify({ ...localStorage }).includes(sessions[0].accessToken);
  });

  const guestEmail = `guest-${email}`;
  await tab("7 Invite member");
  await until(`${TOOLS} .view-lines`, [bookId]);
  await fill({ bookId, guestEmail, role: "EDITOR" });
  await run();
  await until(RESPONSE, ["invitation", "expiresAt"]);
  const { id: invitationId } = JSON.parse(await held("response")).data.inviteMember.invitation;
  await tab("8 Accept invitation");
  await until(`${TOOLS} .view-lines`, [invitationId]);
  const guest = { guestName: "Guest", guestEmail, guestPassword: password, invitationId };
  await fill({ ...guest, verificationToken: "" });
  await runAs("SignUpGuest");
  await until("#story [role=status]", ["Signed in as Guest."]);
  await fill({ ...guest, verificationToken: await mailed(guestEmail) });
  await runAs("VerifyEmail");
  await until(RESPONSE, ["verifyEmail", '"ok": true']);
  await runAs("AcceptInvitation");
  await until(RESPONSE, ["acceptInvitation", "memberCount"]);
  seen.shown.tabsAfterAnotherOperation = await tabs();
  await tab("11 Images");
  await offersOne();
  await tab("12 Members");
  await until(`${TOOLS} .view-lines`, [bookId]);
  await runAs("UpdateMember");
  await until(RESPONSE, ["FORBIDDEN"]);
  seen.shown.statusOfTheForbidden = await status();
  await page.locator("#story select").selectOption(seen.shown.signedInAfterReload);

  await tab("9 Request uploads");
  await offersOne();
  await until(`${TOOLS} .view-lines`, [bookId]);
  await run();
  await until(RESPONSE, ["requestUploads", "PENDING"]);
  const { id: imageId } = JSON.parse(await held("response")).data.requestUploads.tickets[0].image;
  await tab("14 Update image");
  await until(`${TOOLS} .view-lines`, [imageId]);
  await run();
  await until(RESPONSE, ["updateImage", "A yellow rectangle"]);
  seen.shown.captioned = JSON.parse(await held("response")).data.updateImage.images[0].caption;

  await page.route("**/graphql", async (route) => {
    const isIntrospection = route.request().postData()?.includes("__schema");
    if (!isIntrospection) return route.fallback();
    return route.fulfill({ json: { errors: [{ message: "Introspection is off." }] } });
  });
  await page.reload();
  await until("#story [role=status]", ["The schema cannot be read here"]);
  await tab("2 Viewer");
  await offersOne();
  await run();
  await until(RESPONSE, ["viewer", seen.shown.signedIn]);
  seen.shown.withoutIntrospection = true;

  await tab("17 Guest");
  await offersOne();
  await run();
  await until("#story [role=status]", ["Signed in as Visitor."]);

  await tab("21 Sign out");
  await until(".graphiql-query-editor .view-lines", ["Stay a little longer"]);
  await tool("Headers");
  await until(`${TOOLS} .view-lines`, ["Bearer"]);
  await runAs("SignOut");
  await until(RESPONSE, ["revokedSessionIds"]);
  await until("#story [role=status]", ["Signed out"]);
  seen.shown.signedInAtTheEnd = await page.locator("#story select").inputValue();
  seen.shown.headersAtTheEnd = await held("request-headers");
} catch (failure) {
  seen.failure = String(failure);
  seen.response = await text(".result-window").catch(() => "");
  if (picture) await page.screenshot({ path: picture });
} finally {
  await context.close();
}
console.log(JSON.stringify(seen));
