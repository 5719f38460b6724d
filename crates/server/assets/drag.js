// @ts-check
// Steps are dragged by their handle, with a mouse, a pen or a finger; Escape takes it back. What is sent is the form of the
// card, as its buttons send it. Without it the buttons do.
for (const list of document.querySelectorAll("ol.chain")) {
  for (const grip of list.querySelectorAll(".grip")) {
    const card = grip.closest("li");
    const form = card?.querySelector("form");
    if (!(grip instanceof HTMLElement) || !card || !form) continue;
    grip.hidden = false;
    grip.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      event.preventDefault();
      grip.setPointerCapture(event.pointerId);
      drag(list, card, grip, (to) => {
        form.append(hidden("act", "move"), hidden("to", String(to)));
        form.requestSubmit();
      });
    });
  }
}

/** Follows one pointer until it is lifted; the cards stay where they are, a mark shows where the card would go.
 * @param {Element} list @param {Element} card @param {HTMLElement} grip @param {(to: number) => void} dropped */
function drag(list, card, grip, dropped) {
  const others = [...list.children].filter((other) => other !== card);
  const from = [...list.children].indexOf(card);
  const over = new AbortController();
  let to = from;
  const mark = () => {
    for (const other of others) other.classList.remove("above", "below");
    if (to === from) return;
    const last = to === others.length;
    others[last ? to - 1 : to]?.classList.add(last ? "below" : "above");
  };
  const end = () => {
    over.abort();
    card.classList.remove("dragged");
    for (const other of others) other.classList.remove("above", "below");
  };
  const on = { signal: over.signal };
  card.classList.add("dragged");
  grip.addEventListener("pointermove", ({ clientY }) => {
    const edge = clientY < 48 ? -16 : clientY > innerHeight - 48 ? 16 : 0;
    if (edge) scrollBy(0, edge);
    const middle = (/** @type {DOMRect} */ box) => box.top + box.height / 2;
    to = others.filter((other) => middle(other.getBoundingClientRect()) < clientY).length;
    mark();
  }, on);
  grip.addEventListener("pointerup", () => (end(), to !== from && dropped(to)), on);
  grip.addEventListener("pointercancel", end, on);
  addEventListener("keydown", (event) => event.key === "Escape" && end(), on);
}

/** @param {string} name @param {string} value */
function hidden(name, value) {
  return Object.assign(document.createElement("input"), { type: "hidden", name, value });
}
