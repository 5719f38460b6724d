// The story that a person goes through at a development server, in a real browser: to the demo app through password and text
// message, with mistakes, a resend, reload and back; on to the portal without being asked; out again.
// stdin: { base, javaScript, screenshots, cooldown }; stdout: { faults, pictures, amr, … }.
import { readFileSync } from "node:fs";
import { Watched, launch } from "./look.mjs";

const told = JSON.parse(readFileSync(0, "utf8"));
const browser = await launch();
const prefix = told.javaScript ? "script" : "no-script";
const watched = await Watched.open(browser, { folder: told.screenshots, prefix, javaScript: told.javaScript, base: told.base });
const { page } = watched;
const saw = {};

const messages = async () => (await fetch(`${told.base}/dev/outbox.json`)).json();
const another = (code) => [...code].map((digit) => (Number(digit) + 1) % 10).join("");
const main = () => page.locator("form:has(input:not([type=hidden])) button[type=submit]");
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Types a code. With scripts the form goes off by itself after the last digit. */
async function typeCode(code) {
  await page.locator("input[name=code]").fill(code);
  if (!told.javaScript) await main().click();
}

/** The button for another message; with scripts it counts down, and is pressed once it is awake. */
async function resend() {
  const button = page.locator("button[name=action][value=resend]");
  if (told.javaScript) {
    watched.expect((await button.getAttribute("aria-disabled")) === "true", "the button waits for the cooldown");
    await page.locator("button[name=action][value=resend]:not([aria-disabled])").waitFor();
    await watched.says("You can ask again now.");
  } else {
    await watched.expecting(["429"], async () => {
      await button.click();
      await watched.says("You can ask for the next message at");
      await watched.look("resend-too-early");
    });
    await pause(told.cooldown * 1000);
  }
  await button.click();
}

/** Nothing but the keyboard: the order of the stops, that each can be seen to be where one is, and that Enter signs in. */
async function passwordByKeyboard() {
  const here = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      const style = getComputedStyle(at);
      const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
      return { at: at.getAttribute("name") ?? at.className, shown };
    });
  const stops = [await here()];
  await page.keyboard.type("alice");
  for (const typed of ["alice", "", ""]) {
    await page.keyboard.press("Tab");
    stops.push(await here());
    await page.keyboard.type(typed);
  }
  saw.stops = stops.map((stop) => stop.at);
  for (const stop of stops) watched.expect(stop.shown, `the focus on ${stop.at} can be seen`);
  // The stop after the password shows it, by the space bar.
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Space");
  watched.expect((await page.locator("#password").getAttribute("type")) === "text", "the password is shown");
  await page.keyboard.press("Space");
  watched.expect((await page.locator("#password").getAttribute("type")) === "password", "the password is hidden again");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
}

async function password(name, word) {
  await page.locator("input[name=username]").fill(name);
  await page.locator("input[name=password]").fill(word);
  await main().click();
}

try {
  await page.goto("/");
  await watched.look("landing");
  await page.getByRole("link", { name: "Demo app" }).click();
  await watched.look("demo");
  await page.getByRole("link", { name: "Sign in", exact: true }).click();

  // The first door.
  await page.locator("input[name=password]").waitFor();
  watched.expect(await page.evaluate(() => document.activeElement?.getAttribute("name")) === "username", "typing begins in the user name");
  watched.expect((await page.locator("input[name=username]").getAttribute("autocomplete")) === "username", "a password manager knows the user name");
  watched.expect((await page.locator("input[name=password]").getAttribute("autocomplete")) === "current-password", "a password manager knows the password");
  await watched.look("password");
  await password("alice", "wrong");
  await watched.says("is not right");
  watched.expect((await page.locator("input[name=username]").inputValue()) === "alice", "the user name need not be typed again");
  watched.expect((await page.locator("input[name=password]").inputValue()) === "", "the password is not sent back");
  watched.expect((await messages()).length === told.messagesBefore, "a wrong password sends nothing");
  await watched.look("password-wrong");
  if (told.javaScript) {
    await page.locator("input[name=username]").fill("");
    await page.locator("input[name=username]").focus();
    await passwordByKeyboard();
  } else {
    await password("alice", "alice");
  }

  // The second door.
  const input = page.locator("input[name=code]");
  await input.waitFor();
  for (const [name, value] of Object.entries({ autocomplete: "one-time-code", inputmode: "numeric", type: "text" })) {
    watched.expect((await input.getAttribute(name)) === value, `the code's ${name} is ${value}`);
  }
  await watched.look("code");
  const first = (await messages()).at(-1);
  saw.message = first.body;
  await typeCode(another(first.code));
  await watched.says("That is not the code. You have 4 tries left.");
  await watched.look("code-wrong");
  await resend();
  await watched.says("We sent the same code again.");
  await watched.look("code-resent");
  const sent = await messages();
  saw.sent = sent.length - told.messagesBefore;
  watched.expect(sent.at(-1).code === first.code, "it is the same code again");

  // Reload posts nothing again, and back and forth lead nowhere wrong.
  await page.reload();
  await input.waitFor();
  await page.goBack();
  await page.goForward();
  await input.waitFor();
  watched.expect((await messages()).length === sent.length, "reload and back send nothing");
  await typeCode(`${first.code.slice(0, 3)} ${first.code.slice(3)}`);

  // In.
  await watched.says("Every door was passed.");
  saw.amr = await page.locator("dl code.tag").allInnerTexts();
  await watched.look("demo-signed-in");
  await page.reload();
  await watched.says("Every door was passed.");
  // Back into the sign-in that is over: no fault, and nothing is lost by it.
  await page.goBack();
  await page.locator("h1").waitFor();
  saw.afterBack = await page.locator("h1").innerText();
  await page.goto("/demo");
  await watched.says("Every door was passed.");

  // The portal, without a question.
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto("/portal");
  await watched.says("Where you are signed in");
  watched.expect(!asked.some((path) => path.startsWith("/interaction")), "single sign-on asks nothing");
  saw.sessions = await page.locator("ul.rows li").count();
  watched.expect((await page.locator("ul.rows").innerText()).includes("this browser"), "this browser is told");
  await watched.look("portal");

  // Out by the app: the server forgets, too.
  await page.goto("/demo");
  await page.getByRole("button", { name: "Sign out" }).click();
  await watched.says("A small app that lets people in");
  await watched.look("demo-signed-out");
  await page.goto("/portal");
  await page.locator("input[name=password]").waitFor();

  // In by the portal, and out by the portal.
  await password("alice", "alice");
  await page.locator("input[name=code], ul.rows").first().waitFor();
  if (await input.count()) await typeCode((await messages()).at(-1).code);
  await watched.says("Where you are signed in");
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await watched.says("You are signed out");
  await watched.look("signed-out");
  await page.goto("/demo/login");
  await page.locator("input[name=password]").waitFor();

  // The rest of the pages of a person's way.
  await page.goto("/dev/outbox");
  await watched.look("outbox");
  await watched.expecting(["400", "404"], async () => {
    await page.goto("/oauth2/authorize?client_id=nobody");
    await watched.look("error-unknown-app");
    await page.goto("/there-is-nothing-here");
    await watched.look("error-not-found");
  });
} catch (error) {
  watched.faults.push(String(error.stack ?? error));
  await page.screenshot({ path: `${told.screenshots}/${prefix}-failed.png`, fullPage: true }).catch(() => {});
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify({ ...saw, faults: watched.faults, pictures: watched.pictures }));
