// A passkey in a real browser with an authenticator in software (DevTools, domain WebAuthn): set up in the portal, used as a second
// step there, then at a shop without a name, by the button and among the names that the browser fills in.
// stdin: { base, username, password, screenshots }; stdout: { faults, pictures, kept, second, button, offered, stranger, forgotten }.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Watched, launch } from "./look.mjs";

const told = JSON.parse(readFileSync(0, "utf8"));
const browser = await launch();
const watched = await Watched.open(browser, { folder: told.screenshots, prefix: "passkey", javaScript: true, base: told.base });
const { page, devtools, context } = watched;
const saw = {};

await devtools.send("WebAuthn.enable", { enableUI: false });
const device = () => ({ protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true });
const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options: device() });
const touch = (enabled) => devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });

const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const shop = () => `/oauth2/authorize?client_id=shop&redirect_uri=${encodeURIComponent(`${told.base}/robots.txt`)}&response_type=code&scope=openid&state=s&code_challenge=${challenge}&code_challenge_method=S256`;
const arrived = (url) => url.pathname === "/robots.txt" && url.searchParams.has("code");
const passkey = () => page.locator("[data-passkey] button");
const signOut = () => context.clearCookies();

async function password() {
  await page.locator("input[name=username]").fill(told.username);
  await page.locator("input[name=password]").fill(told.password);
  await page.locator("form:has(input[name=password]) button.main").click();
}

/** In the portal, with a password alone, since there is nothing else yet. */
async function setUp() {
  await page.goto("/portal");
  await password();
  await page.waitForURL((url) => url.pathname === "/portal");
  await page.goto("/portal/factors");
  await page.locator("form[action$='/add/passkey'] button").first().click();
  // The password once more, if it was too long ago.
  if (await page.locator("input[name=password]").count()) await password();
  await passkey().waitFor();
  await watched.look("set-up");
  await page.locator("input[name=label]").fill("Laptop");
  await passkey().click();
  await page.waitForURL((url) => url.pathname === "/portal/factors");
  await watched.says("Laptop");
  await watched.look("set-up-done");
  const { credentials } = await devtools.send("WebAuthn.getCredentials", { authenticatorId });
  const [kept] = credentials;
  saw.kept = { rpId: kept.rpId, resident: kept.isResidentCredential, user: Boolean(kept.userHandle) };
}

/** The portal asks for it now. */
async function secondStep() {
  await signOut();
  await page.goto("/portal");
  await password();
  await passkey().waitFor();
  await watched.look("second-step");
  await passkey().click();
  await page.waitForURL((url) => url.pathname === "/portal");
  saw.second = new URL(page.url()).pathname;
}

/** The shop takes either: the page of the password comes first, and offers the passkey too. */
async function atTheShop() {
  await signOut();
  await page.goto(shop());
}

async function takesThePasskey() {
  await atTheShop();
  await page.getByRole("button", { name: "Passkey", exact: true }).click();
}

/** By the button, without a name. Nobody touches the device before, or the browser would take what it is offered. */
async function byButton() {
  await touch(false);
  await takesThePasskey();
  await passkey().waitFor();
  await watched.look("without-a-name");
  await touch(true);
  await passkey().click().catch(() => {});
  await page.waitForURL(arrived);
  saw.button = true;
}

/** Beside the field for the name, where the page asks for a password. */
async function offered() {
  await touch(false);
  await atTheShop();
  await page.locator("input[name=password]").waitFor();
  saw.beside = (await page.locator("input[autocomplete~=webauthn]").count()) === 1 && (await passkey().count()) === 1;
  await touch(true);
  await page.reload().catch(() => {});
  const able = await page.evaluate(() => PublicKeyCredential.isConditionalMediationAvailable()).catch(() => true);
  if (able) {
    const took = await page.waitForURL(arrived, { timeout: 5_000 }).then(() => true, () => false);
    saw.conditional = took;
  }
  if (!arrived(new URL(page.url()))) {
    await watched.look("beside-a-password");
    await passkey().click();
    await page.waitForURL(arrived);
  }
  saw.offered = true;
}

/** A passkey that nobody has at the server is refused, and the browser that knows how forgets it: that one alone. */
async function forgotten() {
  await touch(false);
  await takesThePasskey();
  await passkey().waitFor();
  const privateKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "der" });
  const { credentials: own } = await devtools.send("WebAuthn.getCredentials", { authenticatorId });
  await devtools.send("WebAuthn.clearCredentials", { authenticatorId });
  const unknown = { credentialId: randomBytes(16).toString("base64"), isResidentCredential: true, rpId: own[0].rpId, userHandle: randomBytes(16).toString("base64"), privateKey: privateKey.toString("base64"), signCount: 1 };
  await devtools.send("WebAuthn.addCredential", { authenticatorId, credential: unknown });
  await touch(true);
  await passkey().click().catch(() => {});
  await page.locator("[data-unknown]").waitFor();
  await watched.look("not-known-here");
  await touch(false);
  const kept = async () => (await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials.length;
  const able = await page.evaluate(() => "signalUnknownCredential" in PublicKeyCredential);
  for (let tries = 0; able && tries < 50 && (await kept()) > 0; tries++) await page.waitForTimeout(100);
  saw.forgotten = !able || (await kept()) === 0;
  await devtools.send("WebAuthn.addCredential", { authenticatorId, credential: own[0] });
}

/** A passkey that is gone from here is told, and the page goes on. */
async function stranger() {
  await touch(false);
  await takesThePasskey();
  await passkey().waitFor();
  await devtools.send("WebAuthn.clearCredentials", { authenticatorId });
  await touch(true);
  await passkey().click();
  await page.locator("[data-said]:not([hidden])").waitFor();
  await watched.look("no-passkey-here");
  saw.stranger = (await passkey().count()) === 1;
}

for (const step of [setUp, secondStep, byButton, offered, forgotten, stranger]) {
  await step().catch((error) => {
    throw new Error(`${step.name} at ${page.url()}: ${error.message}; faults so far: ${watched.faults.join("\n")}`);
  });
}
await browser.close();
process.stdout.write(JSON.stringify({ ...saw, faults: watched.faults, pictures: watched.pictures }));
