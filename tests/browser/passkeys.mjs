/**
 * Adds a passkey and signs in with it as a page would, with Chromium's virtual authenticator, and tells on standard
 * output, as JSON, what came of it.
 *
 * Takes one JSON argument: base (by a name: a passkey belongs to no address), chromium, profile (a fresh folder), token
 * and email of somebody who has no password.
 */
import { opened } from "./opened.mjs";

const { base, chromium: executablePath, profile, token, email } = JSON.parse(process.argv[2]);
const { seen, context, page } = await opened({ executablePath, profile });

const ERRORS = "userErrors { code path }";
const BEGIN = `mutation { beginPasskeyRegistration { options ${ERRORS} } }`;
const COMPLETE = `mutation Complete($credential: JSON!) {
  completePasskeyRegistration(name: "Chromium", credential: $credential) { passkey { name } ${ERRORS} }
}`;
const BEGIN_SIGN_IN = `mutation Begin($email: String) { beginPasskeySignIn(email: $email) { options ${ERRORS} } }`;
const SIGN_IN = `mutation SignIn($credential: JSON!) {
  completePasskeySignIn(credential: $credential) { tokens { accessToken } viewer { email } ${ERRORS} }
}`;

/** Within the page, as an app there would. */
const asked = (query, variables, token) =>
  page.evaluate(
    async ([query, variables, token]) => {
      const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
      const answer = await fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query, variables }) });
      return Object.values((await answer.json()).data)[0];
    },
    [query, variables, token],
  );
const used = (way, options) =>
  page.evaluate(
    async ([way, options]) => {
      const parsed = {
        create: PublicKeyCredential.parseCreationOptionsFromJSON,
        get: PublicKeyCredential.parseRequestOptionsFromJSON,
      }[way].call(PublicKeyCredential, options);
      try {
        return (await navigator.credentials[way]({ publicKey: parsed })).toJSON();
      } catch ({ name }) {
        return { refused: name };
      }
    },
    [way, options],
  );
const signIn = async (email) => {
  const { options } = await asked(BEGIN_SIGN_IN, { email });
  const credential = await used("get", options);
  return credential.refused ?? asked(SIGN_IN, { credential });
};

try {
  await page.goto(`${base}/graphql`, { waitUntil: "domcontentloaded" });
  const devtools = await context.newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const { options } = await asked(BEGIN, {}, token);
  seen.shown.added = await asked(COMPLETE, { credential: await used("create", options) }, token);
  seen.shown.again = await used("create", (await asked(BEGIN, {}, token)).options);
  seen.shown.signedIn = await signIn();
  seen.shown.byAddress = await signIn(email);
  seen.shown.byAnother = await signIn("nobody@example.org");

  await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  seen.shown.unverified = await signIn();
  await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });

  // A copy of it, made when it was new.
  const { credentials: [passkey] } = await devtools.send("WebAuthn.getCredentials", { authenticatorId });
  seen.shown.counted = passkey.signCount;
  await devtools.send("WebAuthn.removeCredential", { authenticatorId, credentialId: passkey.credentialId });
  await devtools.send("WebAuthn.addCredential", { authenticatorId, credential: { ...passkey, signCount: 1 } });
  seen.shown.copied = await signIn();
} finally {
  await context.close();
}
console.log(JSON.stringify(seen));
