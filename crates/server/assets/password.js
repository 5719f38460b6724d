// @ts-check
// The button that shows a password. Without this module it stays hidden.
for (const button of document.querySelectorAll("button.peek")) {
  const input = /** @type {HTMLInputElement | null} */ (document.getElementById(button.getAttribute("aria-controls") ?? ""));
  if (!input) continue;
  const show = (/** @type {boolean} */ shown) => {
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  };
  button.removeAttribute("hidden");
  button.addEventListener("click", () => show(input.type === "password"));
  // A password that is sent as text would be remembered by the browser among ordinary inputs.
  input.form?.addEventListener("submit", () => show(false));
}
