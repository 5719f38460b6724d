// Hands on a keyboard and nothing else: Tab, Shift+Tab, Enter, Space, the arrows and letters. At every stop that Tab makes the
// focus is looked at: it has to be seen (WCAG 2.2, 2.4.7) and must not be hidden behind something (2.4.11).

/** What has the focus: how it is shown, and whether it can be seen. Runs in the page. */
function look() {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  const ring = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== "none";
  const places = [0.1, 0.3, 0.5, 0.7, 0.9];
  const hit = (x, y) => document.elementFromPoint(box.left + x * box.width, box.top + y * box.height);
  const ours = (found) => found !== null && (at.contains(found) || found.closest("label")?.control === at);
  const seen = places.flatMap((x) => places.map((y) => ours(hit(x, y)))).filter(Boolean).length;
  return { what: `${at.tagName.toLowerCase()} ${at.getAttribute("name") ?? ""} "${(at.getAttribute("aria-label") ?? at.textContent).trim().slice(0, 60)}"`, ring, seen };
}

export class Hands {
  stops = 0;

  constructor(watched) {
    this.watched = watched;
    this.page = watched.page;
  }

  /** Tab until the focus is on what fits the selector and says the words; `back` for Shift+Tab. */
  async to(selector, { says, back = false } = {}) {
    const fits = () => this.page.evaluate(([selector, says]) => {
      const at = document.activeElement;
      const words = (at?.getAttribute("aria-label") ?? at?.textContent ?? "").replace(/[\u2068\u2069]/g, "").trim();
      return Boolean(at?.matches(selector)) && (says === undefined || words === says);
    }, [selector, says]);
    const passed = [];
    // Where a page puts the focus by itself it is looked at as well.
    if (await fits()) return this.#seen();
    for (let tries = 0; tries < 150; tries += 1) {
      await this.page.keyboard.press(back ? "Shift+Tab" : "Tab");
      passed.push(await this.#seen());
      if (await fits()) return;
    }
    throw new Error(`Tab never comes to ${selector} ${says ?? ""} at ${this.page.url()}, but to ${[...new Set(passed)].join(", ")}`);
  }

  async #seen() {
    const at = await this.page.evaluate(look);
    if (!at) return "nothing";
    this.stops += 1;
    this.watched.expect(at.ring, `the focus is seen on ${at.what}`);
    this.watched.expect(at.seen > 0, `nothing hides the focus on ${at.what}`);
    return at.what;
  }

  /** Types into a field, in place of what was there. */
  async type(selector, text) {
    await this.to(selector);
    await this.page.keyboard.press("Control+A");
    await this.page.keyboard.type(text);
  }

  /** Chooses an option with the arrows. */
  async choose(selector, value) {
    await this.to(selector);
    await this.page.keyboard.press("Home");
    for (let tries = 0; tries < 40; tries += 1) {
      if ((await this.page.locator(selector).inputValue()) === value) return;
      await this.page.keyboard.press("ArrowDown");
    }
    throw new Error(`no arrow comes to ${value} in ${selector}`);
  }

  /** Presses a key, and waits for the page that comes of it. */
  async press(key) {
    const arrived = this.page.waitForEvent("domcontentloaded");
    await this.page.keyboard.press(key);
    await arrived;
  }

  async follow(says) {
    await this.to("a", { says });
    await this.press("Enter");
  }

  async push(says) {
    await this.to("button", { says });
    await this.press("Space");
  }

  async submit() {
    await this.to("button.main");
    await this.press("Enter");
  }
}
