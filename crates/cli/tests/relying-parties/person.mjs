// A person with a plain browser: keeps cookies, follows redirects one by one, fills in the forms that a page really has.
// It knows of the server what section "Stable for automation" of its documentation promises: the names of the inputs.

const entities = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'", "&#x3D;": "=", "&#x60;": "`" };
const plain = (text) => text.replace(/&(?:amp|lt|gt|quot|#x27|#x3D|#x60);/g, (entity) => entities[entity]);
const attribute = (tag, name) => {
  const found = new RegExp(`\\s${name}="([^"]*)"`).exec(tag);
  return found ? plain(found[1]) : undefined;
};

/** The forms of a page: where they go, what they hold, and the values of their named buttons. */
export function forms(html) {
  return [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, head, inside]) => {
    const inputs = new URLSearchParams();
    for (const [tag] of inside.matchAll(/<input\b[^>]*>/gs)) {
      const unticked = attribute(tag, "type") === "checkbox" && !/\schecked\b/.test(tag);
      if (attribute(tag, "name") && !unticked) inputs.append(attribute(tag, "name"), attribute(tag, "value") ?? "");
    }
    const buttons = [...inside.matchAll(/<button\b[^>]*>/gs)].map(([tag]) => [attribute(tag, "name"), attribute(tag, "value")]);
    return { action: attribute(` ${head}`, "action") ?? "", inputs, buttons };
  });
}

export class Person {
  #cookies = new Map();

  /** @param {{ username: string, password: string, number: string, messages: string, home: string }} who */
  constructor(who) {
    this.who = who;
  }

  async #once(url, body) {
    const cookie = [...this.#cookies].map((pair) => pair.join("=")).join("; ");
    const response = await fetch(url, { method: body ? "POST" : "GET", body, redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value, rest] = /^([^=]+)=([^;]*)(.*)$/.exec(line);
      if (/max-age=0/i.test(rest)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    const next = response.headers.get("location");
    return { url, status: response.status, body: await response.text(), next: next && new URL(next, url) };
  }

  /** Goes there, and on as long as it stays at the server. The page, or what `next` leads away to. */
  async open(url, body) {
    let page = await this.#once(new URL(url), body);
    for (let hops = 0; page.next && page.next.origin === this.who.home; hops++) {
      if (hops > 20) throw new Error(`redirected without end at ${page.url}`);
      page = await this.#once(page.next);
    }
    return page;
  }

  /** Submits the form that has this input or button, filled in so. */
  submit(page, name, values) {
    const has = (form) => form.inputs.has(name) || form.buttons.some(([button]) => button === name);
    const form = forms(page.body).find(has);
    if (!form) throw new Error(`no form with ${name} at ${page.url} (${page.status}):\n${page.body}`);
    for (const [key, value] of Object.entries(values)) form.inputs.set(key, value);
    return this.open(new URL(form.action, page.url), form.inputs);
  }

  /** The code that the text message brought. */
  async code() {
    const messages = await (await fetch(this.who.messages)).json();
    const mine = messages.filter((message) => message.to === this.who.number && /#\d+\s*$/.test(message.text));
    return /#(\d+)\s*$/.exec(mine.at(-1).text)[1];
  }

  /** Signs in with password and code, agrees if asked; the address at the service provider that it ends at. */
  async signIn(url) {
    const seen = [];
    let page = await this.open(url);
    for (let steps = 0; !page.next; steps++) {
      if (steps > 6) throw new Error(`no end at ${page.url}:\n${page.body}`);
      const asked = ["password", "code", "decision"].find((name) => page.body.includes(`name="${name}"`));
      seen.push(asked);
      const { username, password } = this.who;
      if (asked === "password") page = await this.submit(page, "password", { username, password });
      else if (asked === "code") page = await this.submit(page, "code", { code: await this.code() });
      else if (asked === "decision") page = await this.submit(page, "decision", { decision: "allow" });
      else throw new Error(`nothing to do at ${page.url} (${page.status}):\n${page.body}`);
    }
    return { callback: page.next, seen };
  }
}
