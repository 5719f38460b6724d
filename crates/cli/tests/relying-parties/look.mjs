// A browser that is watched: each page in each look, with and without JavaScript, a picture of each, an accessibility check of
// each, and nothing on the console. Chromium is driven by playwright-core; it is the distribution's, not a downloaded one.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const looks = [
  { width: 1280, scheme: "light" },
  { width: 1280, scheme: "dark" },
  { width: 360, scheme: "light" },
  { width: 360, scheme: "dark" },
];

/** What a browser without a network of its own needs to be told, and nothing that weakens what it checks of our pages. */
const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** Longer than any story takes on a busy machine. `patience` is in milliseconds. */
export function launch(patience = 180_000) {
  // A test that hangs is told apart from one that is slow.
  setTimeout(() => {
    console.error(`not done after ${patience / 1000} s`);
    process.exit(1);
  }, patience).unref();
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: quiet });
}

export class Watched {
  faults = [];
  pictures = [];
  #folder;
  #prefix;
  #javaScript;
  #expected = [];

  static async open(browser, { folder, prefix, javaScript, base }) {
    const watched = new Watched();
    watched.#folder = folder;
    watched.#prefix = prefix;
    watched.#javaScript = javaScript;
    mkdirSync(folder, { recursive: true });
    const context = await browser.newContext({ javaScriptEnabled: javaScript, locale: "en-GB", baseURL: base, viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) watched.#fault(`console: ${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => watched.#fault(`script: ${error.message}`));
    page.on("response", (response) => {
      if (response.status() >= 400) watched.#fault(`${response.status()}: ${response.url()}`);
    });
    watched.context = context;
    watched.page = page;
    watched.devtools = await context.newCDPSession(page);
    return watched;
  }

  #fault(text) {
    if (!this.#expected.some((part) => text.includes(part))) this.faults.push(`${this.page.url()}: ${text}`);
  }

  /** Faults with these words in them are what a step is about. */
  async expecting(words, step) {
    this.#expected = words;
    await step();
    this.#expected = [];
  }

  /** Evaluates an expression from outside: the page's own policy stays in force for everything that the page does. */
  async #evaluate(expression) {
    const answer = await this.devtools.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (answer.exceptionDetails) throw new Error(JSON.stringify(answer.exceptionDetails));
    return answer.result.value;
  }

  /** An accessibility check of the page as it is now, in each look, and a picture in the chosen ones. */
  async lookAll(name, chosen) {
    const same = (one) => (other) => one.width === other.width && one.scheme === other.scheme;
    for (const look of looks.filter((look) => !chosen.some(same(look)))) {
      await this.page.setViewportSize({ width: look.width, height: 800 });
      await this.page.emulateMedia({ colorScheme: look.scheme });
      await this.#check(`${name} at ${look.width} px, ${look.scheme}`);
    }
    await this.look(name, chosen);
  }

  /** A picture and an accessibility check of the page as it is now, in each look. */
  async look(name, chosen = looks) {
    const number = String(this.pictures.length + 1).padStart(2, "0");
    for (const { width, scheme } of chosen) {
      await this.page.setViewportSize({ width, height: 800 });
      await this.page.emulateMedia({ colorScheme: scheme });
      const path = `${this.#folder}/${this.#prefix}-${number}-${name}-${width}-${scheme}.png`;
      await this.page.screenshot({ path, fullPage: true, animations: "disabled" });
      await this.#check(`${name} at ${width} px, ${scheme}`);
    }
    this.pictures.push(name);
  }

  async #check(where) {
    const wide = await this.#evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    if (wide > 0) this.faults.push(`${where}: ${wide} px too wide`);
    // Without JavaScript a page has no timers, but the checker waits for one. It gets one that does not wait.
    if (!this.#javaScript) await this.#evaluate("window.setTimeout = (then) => { Promise.resolve().then(then); return 0; }; undefined");
    await this.#evaluate(`${axeSource}; undefined`);
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    // Styles are all of our own origin: there is nothing to be fetched before.
    const options = JSON.stringify({ resultTypes: ["violations"], runOnly: tags, preload: false });
    const words = '(v) => v.id + ": " + v.help + ": " + v.nodes.map((n) => n.html).join(" ")';
    const found = await this.#evaluate(`axe.run(document, ${options}).then((result) => result.violations.map(${words}))`);
    for (const violation of found) this.faults.push(`${where}: axe: ${violation}`);
  }

  /** A person's expectation. */
  expect(truth, text) {
    if (!truth) this.faults.push(`${this.page.url()}: expected: ${text}`);
  }

  /** Waits until the page says so; a fault with what it says instead, if it never does. */
  async says(text) {
    const seen = this.page.getByText(text).first();
    await seen.waitFor().catch(async () => {
      const said = await this.page.locator("main").innerText().catch(() => "nothing");
      throw new Error(`no ${JSON.stringify(text)} at ${this.page.url()}, but: ${said}; faults so far: ${this.faults.join("\n")}`);
    });
  }
}
