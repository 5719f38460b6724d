// @ts-check
// Comfort for one-time codes: reads the text message where the browser can, goes on after the last character, and counts the
// seconds until the next message. The page works without it.
const input = /** @type {HTMLInputElement | null} */ (document.querySelector("input[autocomplete=one-time-code]"));
const form = input?.form;

if (input && form) {
  const length = Number(input.dataset.length);
  // Where there is more to do, the person says when it is done.
  const alone = !form.querySelector("[type=checkbox], [autocomplete=off]");
  const hint = document.querySelector("[data-auto]");
  if (alone && hint instanceof HTMLElement) hint.textContent += `. ${hint.dataset.auto}`;

  let sent = false;
  const send = () => {
    if (sent || !alone) return;
    sent = true;
    form.requestSubmit();
  };
  input.addEventListener("input", () => {
    if (input.value.replace(/[\s\u2010-\u2015-]/g, "").length === length && input.checkValidity()) send();
  });
  addEventListener("pageshow", () => (sent = false));

  if ("sms" in input.dataset && "OTPCredential" in window) {
    const stop = new AbortController();
    form.addEventListener("submit", () => stop.abort());
    const wanted = /** @type {any} */ ({ otp: { transport: ["sms"] }, signal: stop.signal });
    navigator.credentials.get(wanted).then(
      (/** @type {any} */ message) => {
        if (!message?.code) return;
        input.value = message.code;
        send();
      },
      () => {}, // Not allowed, or typed by hand.
    );
  }
}

for (const button of document.querySelectorAll("button[data-wait]")) {
  if (!(button instanceof HTMLButtonElement)) continue;
  const end = performance.now() + Number(button.dataset.wait) * 1000;
  const words = button.textContent ?? "";
  const status = button.parentElement?.querySelector("[role=status]");
  const left = () => Math.ceil((end - performance.now()) / 1000);
  const tick = () => {
    const seconds = left();
    if (seconds <= 0) {
      button.removeAttribute("aria-disabled");
      button.textContent = words;
      if (status) status.textContent = button.dataset.ready ?? "";
      return;
    }
    button.textContent = `${words} (${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")})`;
    setTimeout(tick, 250);
  };
  button.addEventListener("click", (event) => {
    if (left() > 0) event.preventDefault();
  });
  if (left() > 0) {
    button.setAttribute("aria-disabled", "true");
    tick();
  }
}
