// @ts-check
// Alt+↑ and Alt+↓ move the step that has the focus. Without it the buttons do.
const acts = { ArrowUp: "up", ArrowDown: "down" };
for (const list of document.querySelectorAll("ol.chain")) {
  list.addEventListener("keydown", (event) => {
    if (!(event instanceof KeyboardEvent) || !event.altKey || event.ctrlKey || event.metaKey) return;
    const act = acts[/** @type {keyof typeof acts} */ (event.key)];
    const card = event.target instanceof Element ? event.target.closest("li") : null;
    const button = act && card?.querySelector(`button[value="${act}"]`);
    if (!(button instanceof HTMLButtonElement)) return;
    event.preventDefault();
    button.click();
  });
}
// A status that is there when the page arrives is not read; one that comes later is.
const said = document.getElementById("announce");
const words = said?.textContent?.trim();
if (said && words) {
  said.textContent = "";
  setTimeout(() => (said.textContent = words), 150);
}
