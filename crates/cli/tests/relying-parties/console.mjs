// The story that an admin goes through at the console of a new server, in a real browser: in by a link, a user with a role and a
// number, an SMS gateway by its URL, a chain with a code as its second step for the portal; and then the user, at the portal.
// stdin: { base, link, smsUrl, messages, javaScript, screenshots }; stdout: { faults, pictures, … }.
import { readFileSync } from "node:fs";
import { Watched, launch } from "./look.mjs";

const told = JSON.parse(readFileSync(0, "utf8"));
const browser = await launch();
const mode = told.javaScript ? "script" : "no-script";
const open = (prefix) => Watched.open(browser, { folder: told.screenshots, prefix: `${prefix}-${mode}`, javaScript: told.javaScript, base: told.base });
const admin = await open("console");
const person = await open("console-user");
const { page } = admin;
const saw = {};

const number = "+12025550142";
const another = (code) => [...code].map((digit) => (Number(digit) + 1) % 10).join("");
const messages = async () => (await fetch(told.messages)).json();
// Notices come by the same gateway, whenever they come.
const codes = async () => (await messages()).filter((message) => /#\d+\s*$/.test(message.text));
const main = (of) => of.locator("button[type=submit].main").first();
const press = (of, name) => of.getByRole("button", { name, exact: true }).click();

async function signIn(of, name, word) {
  await of.locator("input[name=username]").fill(name);
  await of.locator("input[name=password]").fill(word);
  await main(of).click();
}

async function codeFor(before) {
  for (let tries = 0; tries < 100; tries += 1) {
    const all = await codes();
    if (all.length > before) return all.at(-1).text.split("#").at(-1);
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error("no message came");
}

async function typeCode(code) {
  await person.page.locator("input[name=code]").fill(code);
  if (!told.javaScript) await main(person.page).click();
}

/** The second step is dragged up by the mouse, taken back half way down by Escape, and dragged down by a finger. */
async function dragged() {
  await page.setViewportSize({ width: 1280, height: 800 });
  const order = () => page.locator("ol.chain > li").evaluateAll((cards) => cards.map((card) => card.textContent.includes("Password")));
  const middle = async (selector) => {
    await page.locator(selector).scrollIntoViewIfNeeded();
    const box = await page.locator(selector).boundingBox();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  const grab = async (number) => {
    const { x, y } = await middle(`#step-${number} .grip`);
    await page.mouse.move(x, y);
    await page.mouse.down();
  };
  const over = async (number, beyond) => {
    const { x, y } = await middle(`#step-${number}`);
    await page.mouse.move(x, y + beyond, { steps: 8 });
  };
  const moved = (to) => page.waitForURL((url) => url.searchParams.get("moved") === String(to));
  const saw = {};
  await grab(2);
  await over(1, -10);
  await Promise.all([moved(0), page.mouse.up()]);
  await page.locator("#announce", { hasText: "Step 1 of 2" }).waitFor({ state: "attached" });
  saw.mouse = await order();
  await grab(1);
  await over(2, 10);
  await page.keyboard.press("Escape");
  await page.mouse.up();
  saw.back = await order();
  const [from, to] = [await middle("#step-1 .grip"), await middle("#step-2")];
  const touch = (type, at) => admin.devtools.send("Input.dispatchTouchEvent", { type, touchPoints: at ? [at] : [] });
  await touch("touchStart", from);
  for (const part of [0.3, 0.6, 1.05]) await touch("touchMove", { x: from.x, y: from.y + part * (to.y + 10 - from.y) });
  await Promise.all([moved(1), touch("touchEnd")]);
  saw.finger = await order();
  return saw;
}

try {
  // In by the link, which works once.
  await page.goto(told.link);
  await admin.look("entry");
  await page.locator("input[name=password]").fill("a door of one's own");
  await page.locator("input[name=again]").fill("something else");
  await admin.expecting(["422"], async () => {
    await main(page).click();
    await admin.says("this is another password");
  });
  await page.locator("input[name=password]").fill("a door of one's own");
  await page.locator("input[name=again]").fill("a door of one's own");
  await main(page).click();
  await signIn(page, "admin", "a door of one's own");
  await admin.says("The last 24 hours");
  await admin.look("overview");
  await admin.expecting(["410"], async () => {
    await page.goto(told.link);
    await admin.says("This link does not work");
  });

  // A user with a role and a number. What is wrong is said at its field, and what was typed stays.
  await page.goto("/admin");
  await page.getByRole("link", { name: "Users", exact: true }).click();
  await page.getByRole("link", { name: "New user" }).click();
  await page.locator("input[name=username]").fill("alice");
  await page.locator("input[name=display_name]").fill("Alice Example");
  await page.locator("input[name=phone_number]").fill("555");
  await page.locator("input[name=roles]").fill("editor");
  await admin.expecting(["422"], async () => {
    await main(page).click();
    await page.locator("input[name=phone_number][aria-invalid]").waitFor();
  });
  admin.expect((await page.locator("input[name=username]").inputValue()) === "alice", "the form keeps what was typed");
  await page.locator("input[name=phone_number]").fill(number);
  await main(page).click();
  await admin.says("It was made.");
  await admin.look("user");
  await press(page, "Make a link to set a password");
  const link = await page.locator("#link").innerText();
  await person.page.goto(link);
  await person.page.locator("input[name=password]").fill("wonder behind glass");
  await main(person.page).click();
  await person.page.locator("input[name=password]").waitFor({ state: "detached" });

  // The gateway, by the line that its vendor gave.
  await page.getByRole("link", { name: "Connections", exact: true }).click();
  await page.getByRole("link", { name: "New by its URL" }).click();
  await page.locator("textarea[name=url]").fill(told.smsUrl);
  await main(page).click();
  await admin.says("It was made.");
  saw.secretShown = (await page.content()).includes("api_secret=S");
  await admin.look("connection");
  await page.locator("input[name=to]").fill("+12025550199");
  await press(page, "Send a test message");
  await admin.says("The gateway took the message.");
  saw.tested = (await messages()).filter((message) => message.to.endsWith("12025550199")).length;
  await admin.look("connection-tested");

  // A chain of password and code, published.
  await page.getByRole("link", { name: "Chains", exact: true }).click();
  await page.goto("/admin/chains/new");
  await page.locator("input[name=name]").fill("two-doors");
  await page.locator("select[name=template]").selectOption("password_sms");
  await main(page).click();
  await admin.look("chain");
  if (told.javaScript) saw.dragged = await dragged();
  await page.goto("/admin/chains/two-doors/publish");
  await admin.look("chain-publish");
  await press(page, "Publish");
  await admin.look("chain-published");

  // The portal's chain.
  await page.getByRole("link", { name: "Service providers", exact: true }).click();
  await page.getByRole("link", { name: "My account" }).click();
  await page.locator("#client input[name=name]").fill("User Portal");
  await page.locator("#client select[name=chain]").selectOption("two-doors");
  await main(page).click();
  await admin.says("It was saved.");
  await admin.look("client");

  // A test sign-in, in a tab of its own: alice's, and the admin stays who they are.
  const tried = (await codes()).length;
  const [tab] = await Promise.all([page.context().waitForEvent("page"), press(page, "Test sign-in in a new tab")]);
  await signIn(tab, "alice", "wonder behind glass");
  await tab.locator("input[name=code]").waitFor();
  await tab.locator("input[name=code]").fill(await codeFor(tried));
  if (!told.javaScript) await main(tab).click();
  await tab.getByText("The sign-in is complete.").waitFor();
  saw.trial = { path: new URL(tab.url()).pathname, idToken: JSON.parse(await tab.locator("#id-token").innerText()) };
  await tab.screenshot({ path: `${told.screenshots}/console-${mode}-trial.png`, fullPage: true });
  await tab.close();
  await page.reload();
  await admin.says("Quick start");
  // Until another message may be sent.
  await new Promise((done) => setTimeout(done, told.cooldown * 1000));

  // The user at the portal: password, a wrong code, the right one.
  const sent = (await codes()).length;
  await person.page.goto("/portal");
  await signIn(person.page, "alice", "wonder behind glass");
  await person.page.locator("input[name=code]").waitFor();
  const code = await codeFor(sent);
  await typeCode(another(code));
  await person.says("That is not the code. You have 4 tries left.");
  await typeCode(code);
  await person.says("Where you are signed in");
  saw.amr = true;

  // What happened is in the log, and the rest of the places can be seen.
  for (const place of ["Groups", "Sessions", "Keys", "Audit log", "Settings", "Overview"]) {
    await page.getByRole("link", { name: place, exact: true }).first().click();
    await admin.look(place.toLowerCase().replace(" ", "-"), told.javaScript ? undefined : [{ width: 1280, scheme: "light" }]);
  }
  await page.goto("/admin/audit?kind=admin.");
  saw.log = await page.locator("#events tbody code").allInnerTexts();
  await press(page, "Sign out");
  await admin.says("You are signed out");
  await page.goto("/admin/users");
  await page.locator("input[name=password]").waitFor();
} catch (error) {
  admin.faults.push(String(error.stack ?? error));
  await page.screenshot({ path: `${told.screenshots}/console-${mode}-failed.png`, fullPage: true }).catch(() => {});
  await person.page.screenshot({ path: `${told.screenshots}/console-user-${mode}-failed.png`, fullPage: true }).catch(() => {});
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify({ ...saw, faults: [...admin.faults, ...person.faults], pictures: admin.pictures }));
