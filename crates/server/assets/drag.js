// @ts-check
// Steps are dragged by their handle, with a mouse, a pen or a finger; Escape takes it back. What is sent is the form of the
// card, as its buttons send it. Without it the buttons do.
for (const grip of document.querySelectorAll("ol.chain .grip")) {
  const card = grip.closest("li");
  const form = card?.querySelector("form");
  if (!(grip instanceof HTMLElement) || !card || !form) continue;
  grip.hidden = false;
  grip.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    event.preventDefault();
    grip.setPointerCapture(event.pointerId);
    drag(card, grip, (to) => {
      const said = [hidden("act", "move"), hidden("to", String(to))];
      form.append(...said);
      form.requestSubmit();
      for (const input of said) input.remove();
    });
  });
}

/** Follows one pointer until it is lifted; the cards stay, and a mark shows where this one would go.
 * @param {Element} card @param {HTMLElement} grip @param {(to: number) => void} dropped */
function drag(card, grip, dropped) {
  const cards = [...(card.parentElement?.children ?? [])];
  const others = cards.filter((other) => other !== card);
  const from = cards.indexOf(card);
  const over = new AbortController();
  let to = from;
  const mark = (shown = true) => {
    for (const other of others) other.classList.remove("above", "below");
    const last = to === others.length;
    if (shown && to !== from) others[last ? to - 1 : to]?.classList.add(last ? "below" : "above");
  };
  const end = () => {
    over.abort();
    card.classList.remove("dragged");
    mark(false);
  };
  const on = { signal: over.signal };
  card.classList.add("dragged");
  grip.addEventListener("pointermove", ({ clientY }) => {
    if (clientY < 48 || clientY > innerHeight - 48) scrollBy(0, clientY < 48 ? -16 : 16);
    to = others.filter((other) => other.getBoundingClientRect().top + other.clientHeight / 2 < clientY).length;
    mark();
  }, on);
  grip.addEventListener("pointerup", () => (end(), to !== from && dropped(to)), on);
  grip.addEventListener("pointercancel", end, on);
  addEventListener("keydown", ({ key }) => key === "Escape" && end(), on);
}

/** @param {string} name @param {string} value */
function hidden(name, value) {
  return Object.assign(document.createElement("input"), { type: "hidden", name, value });
}
