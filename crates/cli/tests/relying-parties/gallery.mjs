// Every page in every state that it can be in, as the development server's gallery lists them.
// stdin: { base, screenshots }; stdout: { faults, pictures }.
import { readFileSync } from "node:fs";
import { Watched, launch } from "./look.mjs";

const told = JSON.parse(readFileSync(0, "utf8"));
const browser = await launch(900_000);
const watched = await Watched.open(browser, { folder: told.screenshots, prefix: "gallery", javaScript: true, base: told.base });

/** Whether the form goes off after the last digit; it must not where there is a box to tick. The page is as before afterwards. */
async function goesOnByItself(expected) {
  const { page } = watched;
  await page.evaluate(() => {
    window.wentOff = false;
    addEventListener("submit", (event) => {
      event.preventDefault();
      window.wentOff = true;
    });
  });
  const promised = (await page.locator("#code-hint").textContent()).includes("by itself");
  await page.locator("input[name=code]").fill("123456");
  const wentOff = await page.evaluate(() => window.wentOff);
  watched.expect(wentOff === expected && promised === expected, `the code page goes on by itself: ${wentOff}, says so: ${promised}, should: ${expected}`);
  await page.reload();
}

// Nobody is signed in here, so the tail of the log would be refused: it is answered as one in which nothing happens.
await watched.page.route("**/admin/audit/tail*", (route) => route.fulfill({ contentType: "text/event-stream", body: ": quiet\n\n" }));

try {
  await watched.page.goto("/dev/gallery");
  await watched.look("gallery");
  const links = await watched.page.locator("ul.links a:not([hreflang])").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  if (links.length < 20) watched.faults.push(`the gallery lists only ${links.length} pages`);
  for (const [at, href] of links.entries()) {
    await watched.page.goto(href);
    // A narrow dark one and a wide light one, and the other way round at the next.
    const chosen = at % 2 ? [{ width: 360, scheme: "dark" }, { width: 1280, scheme: "light" }] : [{ width: 360, scheme: "light" }, { width: 1280, scheme: "dark" }];
    const name = href.split("/").slice(-2).join("-");
    if (name === "code-remember" || name === "code-sent") await goesOnByItself(name === "code-sent");
    await (name.startsWith("console-") ? watched.lookAll(name, chosen) : watched.look(name, chosen));
  }
} catch (error) {
  watched.faults.push(String(error.stack ?? error));
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify({ faults: watched.faults, pictures: watched.pictures }));
