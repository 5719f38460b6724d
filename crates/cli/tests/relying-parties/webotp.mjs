// The code of a text message, which the browser reads and fills in (WebOTP). Chromium has no telephone here, so what it would be
// asked is answered by a stand-in; the page, its module and the policies that it lives under are the real ones.
// stdin: { base }; stdout: what was seen.
import { readFileSync } from "node:fs";
import { launch } from "./look.mjs";

const told = JSON.parse(readFileSync(0, "utf8"));
const browser = await launch();
const saw = { faults: [] };

/** A page of the gallery, in a browser that can read messages, or cannot. */
async function open(path, able) {
  const page = await browser.newPage({ baseURL: told.base });
  page.on("pageerror", (error) => saw.faults.push(`${path}: ${error}`));
  page.on("console", (message) => message.type() === "error" && saw.faults.push(`${path}: ${message.text()}`));
  await page.addInitScript((able) => {
    delete window.OTPCredential;
    window.asked = [];
    window.wentOff = 0;
    addEventListener("submit", (event) => {
      event.preventDefault();
      window.wentOff += 1;
    });
    if (!able) return;
    window.OTPCredential = class {};
    CredentialsContainer.prototype.get = (options) =>
      new Promise((resolve, reject) => {
        window.asked.push(options);
        window.comes = (code) => resolve({ code });
        options.signal?.addEventListener("abort", () => reject(options.signal.reason));
      });
  }, able);
  await page.goto(path);
  return page;
}

const state = (page) =>
  page.evaluate(() => ({
    asked: window.asked.filter((options) => options.otp).map((options) => options.otp),
    stopped: window.asked.some((options) => options.otp && options.signal.aborted),
    code: document.querySelector("input[autocomplete=one-time-code]")?.value,
    wentOff: window.wentOff,
  }));

try {
  const gallery = await open("/dev/gallery", false);
  const links = await gallery.locator("ul.links a:not([hreflang])").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  const sms = links.find((href) => href.endsWith("/code/sent"));
  const app = links.find((href) => told.others.some((other) => href.endsWith(other)));

  const filled = await open(sms, true);
  await filled.evaluate(() => window.comes("482913"));
  await filled.waitForFunction(() => window.wentOff > 0);
  saw.filled = await state(filled);

  const typed = await open(sms, true);
  await typed.locator("input[name=code]").fill("123456");
  await typed.waitForFunction(() => window.wentOff > 0);
  saw.typed = await state(typed);

  const unable = await open(sms, false);
  await unable.locator("input[name=code]").fill("123456");
  await unable.waitForFunction(() => window.wentOff > 0);
  saw.unable = await state(unable);

  const other = await open(app, true);
  saw.field = await other.locator("input[autocomplete=one-time-code]").count();
  saw.other = await state(other);
  const answer = await other.request.get(sms);
  saw.policy = answer.headers()["permissions-policy"].includes("otp-credentials=(self)");
} catch (error) {
  saw.faults.push(String(error.stack ?? error));
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(saw));
