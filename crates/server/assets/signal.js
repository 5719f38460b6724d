// @ts-check
// Tells the browser what became of the passkeys that it keeps for this server (Web Authentication, Level 3, section 5.1.10), so that
// it offers none that is gone and none under an old name. Browsers that do not know how are told nothing.
const known = /** @type {any} */ (window.PublicKeyCredential);

/** @type {(method: string, told: any) => void} */
const tell = (method, told) => void Promise.resolve(known?.[method]?.(told)).catch(() => {});

const told = (/** @type {string} */ name) => {
  const place = /** @type {HTMLElement | null} */ (document.querySelector(`[data-${name}]`));
  return place && JSON.parse(place.dataset[name] ?? "null");
};

const [accepted, named, unknown] = ["accepted", "named", "unknown"].map(told);
if (accepted) tell("signalAllAcceptedCredentials", accepted);
if (named) tell("signalCurrentUserDetails", named);
// Of what this tab sent alone, from the page just before this one: what another tab sent is not meant.
try {
  const [version, credentialId] = (sessionStorage.getItem("passkey") ?? "").split(" ");
  sessionStorage.removeItem("passkey");
  const now = /** @type {HTMLInputElement | null} */ (document.querySelector("[name=version]"))?.value;
  if (unknown && credentialId && Number(now) === Number(version) + 1) tell("signalUnknownCredential", { ...unknown, credentialId });
} catch {
  // No storage, so nothing is remembered of what was sent.
}
