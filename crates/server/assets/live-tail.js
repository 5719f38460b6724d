// @ts-check
// Lists events as they are sealed. Without it the page has a link to what is newer.
/** @typedef {{ id: string, iso: string, kind: string, user: string, by: string, client: string, details: string }} Line */
const MOST = 50;
const TRIES = 3;
const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (document.getElementById(`live-${name}`));
const box = document.getElementById("live");
const url = box?.getAttribute("data-url");
if (box && url) {
  const [button, says, lines] = [part("pause"), part("says"), part("lines")];
  const model = /** @type {HTMLTemplateElement} */ (part("line")).content;
  const known = new Set((box.getAttribute("data-known") ?? "").split(" "));
  const words = [button.textContent, button.getAttribute("data-other")];
  /** @type {Line[]} */
  let waiting = [];
  let [paused, seen, tries, last] = [false, false, 0, ""];

  const say = (/** @type {string} */ doing) => {
    box.setAttribute("data-doing", doing);
    says.textContent = says.getAttribute(`data-${doing}`);
    button.hidden = doing === "over";
  };
  const tell = () => say(paused ? "paused" : seen ? "live" : "quiet");
  const draw = (/** @type {Line} */ line) => {
    const item = /** @type {DocumentFragment} */ (model.cloneNode(true));
    const of = (/** @type {string} */ name) => /** @type {HTMLElement} */ (item.querySelector(name));
    const [time, user] = [of("time"), of("a")];
    time.setAttribute("datetime", line.iso);
    time.textContent = new Date(line.iso).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
    of("code").textContent = line.kind;
    user.hidden = !line.user;
    user.setAttribute("href", line.user);
    of("[data-of=by]").textContent = line.by;
    of("[data-of=client]").textContent = line.client;
    of("[data-of=details]").textContent = line.details;
    lines.prepend(item);
    if (lines.children.length > MOST) lines.lastElementChild?.remove();
  };
  const show = () => {
    if (paused || waiting.length === 0) return;
    seen = true;
    waiting.splice(0).forEach(draw);
  };
  const connect = () => {
    const address = new URL(url, location.href);
    if (last) address.searchParams.set("after", last);
    const source = new EventSource(address);
    source.onopen = () => {
      tries = 0;
      tell();
    };
    source.onmessage = (event) => {
      last = event.lastEventId;
      /** @type {Line} */
      const line = JSON.parse(event.data);
      if (known.delete(line.id)) return;
      waiting = [...waiting, line].slice(-MOST);
      const first = !seen;
      show();
      if (first && seen) tell();
    };
    source.addEventListener("over", () => {
      source.close();
      say("over");
    });
    source.onerror = () => {
      say("away");
      // A stream that ended or broke is opened again by the browser itself; one that was refused is not.
      if (source.readyState !== EventSource.CLOSED) return;
      tries += 1;
      if (tries < TRIES) setTimeout(connect, 20_000);
      else say("over");
    };
  };
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = words[paused ? 1 : 0] ?? "";
    show();
    tell();
  });
  tell();
  connect();
}
