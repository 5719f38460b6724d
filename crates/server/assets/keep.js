// @ts-check
// Buttons that copy and print what is to be kept. Without this module they stay hidden: it can be selected, and a browser prints by
// itself.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!(button instanceof HTMLButtonElement) || !navigator.clipboard) continue;
  const status = button.parentElement?.querySelector("[role=status]");
  const say = (/** @type {string | undefined} */ words) => status && (status.textContent = words ?? "");
  button.hidden = false;
  button.addEventListener("click", () =>
    navigator.clipboard.writeText(button.dataset.copy ?? "").then(
      () => say(button.dataset.done),
      () => say(button.dataset.failed),
    ),
  );
}

for (const button of document.querySelectorAll("button[data-print]")) {
  if (!(button instanceof HTMLButtonElement)) continue;
  button.hidden = false;
  button.addEventListener("click", () => print());
}
