// The admin's story of console.mjs by keyboard alone, from the link of an empty data folder to a person with a password and a code
// at the portal. stdin: { base, link, smsUrl, messages, screenshots }; stdout: { faults, stops, … }.
import { readFileSync } from "node:fs";
import { Hands } from "./keys.mjs";
import { Watched, launch } from "./look.mjs";

const told = JSON.parse(readFileSync(0, "utf8"));
const browser = await launch();
const open = (prefix) => Watched.open(browser, { folder: told.screenshots, prefix, javaScript: true, base: told.base });
const admin = await open("keyboard");
const person = await open("keyboard-user");
const hands = new Hands(admin);
const theirs = new Hands(person);
const { page } = admin;
const saw = {};
const messages = async () => (await fetch(told.messages)).json();
// Notices come by the same gateway, whenever they come.
const codes = async () => (await messages()).filter((message) => /#\d+\s*$/.test(message.text));

async function signIn(by, name, word) {
  await by.type("input[name=username]", name);
  await by.type("input[name=password]", word);
  await by.press("Enter");
}

async function codeFor(before) {
  for (let tries = 0; tries < 100; tries += 1) {
    const all = await codes();
    if (all.length > before) return all.at(-1).text.split("#").at(-1);
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error("no message came");
}

try {
  await page.goto(told.link);
  await hands.type("input[name=password]", "a door of one's own");
  await hands.type("input[name=again]", "a door of one's own");
  await hands.submit();
  await signIn(hands, "admin", "a door of one's own");
  await admin.says("The last 24 hours");

  // The first stop passes by the shelf of places.
  await page.keyboard.press("Tab");
  await hands.to("a.skip");
  await page.keyboard.press("Enter");
  saw.skipped = await page.evaluate(() => document.activeElement?.tagName);

  await page.goto("/admin");
  await hands.follow("Users");
  await hands.follow("New user");
  await hands.type("input[name=username]", "alice");
  await hands.type("input[name=display_name]", "Alice Example");
  await hands.type("input[name=phone_number]", "+12025550142");
  await hands.type("input[name=roles]", "editor");
  await hands.submit();
  await admin.says("It was made.");
  await hands.push("Make a link to set a password");
  await person.page.goto(await page.locator("#link").innerText());
  await theirs.type("input[name=password]", "wonder behind glass");
  await theirs.press("Enter");
  await person.page.locator("input[name=password]").waitFor({ state: "detached" });

  await hands.follow("Connections");
  await hands.follow("New by its URL");
  await hands.type("textarea[name=url]", told.smsUrl);
  await hands.submit();
  await admin.says("It was made.");

  // A chain of one step; the second is added, moved up and down again, and all of it published.
  await hands.follow("Chains");
  await hands.follow("New chain");
  await hands.type("input[name=name]", "two-doors");
  await hands.choose("select[name=template]", "password");
  await hands.submit();
  await hands.choose("#add select[name=authenticator]", "smsotp");
  await hands.to("#add button");
  await hands.press("Space");
  await admin.says("Step 2 of 2");
  await hands.follow("Back to the chain");
  const order = () => page.locator("ol.chain:not(.run) > li").evaluateAll((cards) => cards.map((card) => card.textContent.includes("Password")));
  const focused = () => page.evaluate(() => document.activeElement?.closest("li")?.id);
  await hands.to("#step-2 button, #step-2 a");
  await hands.press("Alt+ArrowUp");
  await page.locator("#announce", { hasText: "Step 1 of 2" }).waitFor({ state: "attached" });
  saw.up = [await order(), await focused()];
  await hands.press("Alt+ArrowDown");
  await page.locator("#announce", { hasText: "Step 2 of 2" }).waitFor({ state: "attached" });
  saw.down = [await order(), await focused()];
  await hands.follow("Check and publish");
  await hands.push("Publish");
  await admin.says("It was published.");

  await hands.to("a", { says: "Service providers", back: true });
  await hands.press("Enter");
  await hands.follow("My account");
  await hands.choose("#client select[name=chain]", "two-doors");
  await hands.to("#client button.main");
  await hands.press("Enter");
  await admin.says("It was saved.");

  const sent = (await codes()).length;
  await person.page.goto("/portal");
  await signIn(theirs, "alice", "wonder behind glass");
  const code = await codeFor(sent);
  await theirs.type("input[name=code]", [...code].map((digit) => (Number(digit) + 1) % 10).join(""));
  await person.says("That is not the code. You have 4 tries left.");
  await theirs.type("input[name=code]", code);
  await person.says("Where you are signed in");
  saw.inside = true;
} catch (error) {
  admin.faults.push(String(error.stack ?? error));
  await page.screenshot({ path: `${told.screenshots}/keyboard-failed.png`, fullPage: true }).catch(() => {});
  await person.page.screenshot({ path: `${told.screenshots}/keyboard-user-failed.png`, fullPage: true }).catch(() => {});
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify({ ...saw, stops: hands.stops + theirs.stops, faults: [...admin.faults, ...person.faults] }));
