// @ts-check
// Passkeys: asks the browser, puts its answer into the form and sends it. Without this module the page says that this way needs
// it, and offers the others.
const box = /** @type {HTMLElement | null} */ (document.querySelector("[data-passkey]"));
const form = box?.closest("form");
const button = box?.querySelector("button");
const said = /** @type {HTMLElement | null} */ (box?.querySelector("[data-said]"));

if (box && form && button && said) {
  const create = box.dataset.create === "true";
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem(box.dataset.field ?? ""));
  const asked = JSON.parse(box.dataset.passkey ?? "{}");
  let options = asked.publicKey ?? asked;
  let drawn = performance.now();
  let turn = new AbortController();
  /** @type {AbortController | undefined} */
  let offer;

  /** @type {(text: string) => ArrayBuffer} */
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0)).buffer;
  /** @type {(buffer: ArrayBuffer) => string} */
  const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  /** @type {(list: any[] | undefined) => any} */
  const described = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));

  /** What the browser takes, of the JSON (Web Authentication, sections 5.1.8 and 5.1.9). */
  const read = () => {
    const own = /** @type {any} */ (PublicKeyCredential);
    const parse = create ? own.parseCreationOptionsFromJSON : own.parseRequestOptionsFromJSON;
    if (parse) return parse.call(own, options);
    const challenge = bytes(options.challenge);
    return create
      ? { ...options, challenge, user: { ...options.user, id: bytes(options.user.id) }, excludeCredentials: described(options.excludeCredentials) }
      : { ...options, challenge, allowCredentials: described(options.allowCredentials) };
  };

  /** @type {(credential: any) => any} */
  const written = (credential) => {
    if (credential.toJSON) return credential.toJSON();
    const { id, type, rawId, response, authenticatorAttachment } = credential;
    const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
    const filled = names.filter((name) => response[name]).map((name) => [name, base64(response[name])]);
    const transports = response.getTransports ? { transports: response.getTransports() } : {};
    const clientExtensionResults = credential.getClientExtensionResults();
    return { id, type, rawId: base64(rawId), authenticatorAttachment, clientExtensionResults, response: { ...Object.fromEntries(filled), ...transports } };
  };

  /** @type {(what: string) => void} */
  const say = (what) => {
    said.textContent = said.dataset[what] ?? "";
    said.hidden = false;
    said.focus();
  };

  /** @type {(error: any, began: number) => string} */
  const why = (error, began) => {
    if (error?.name === "NotAllowedError") return performance.now() - began + 1000 >= (options.timeout ?? Infinity) ? "timeout" : "cancelled";
    return { InvalidStateError: "known", SecurityError: "insecure", NotSupportedError: "unsupported", ConstraintError: "unsupported" }[error?.name] ?? "failed";
  };

  /** A challenge lives for minutes, and a page is open for longer: the one of now. */
  const renew = async () => {
    if (create || performance.now() - drawn < 20_000) return;
    const view = await (await fetch(location.href, { headers: { accept: "application/json" } })).json();
    options = (view.prompt?.exhibit ?? view.beside?.exhibit)?.options ?? options;
    drawn = performance.now();
  };

  const ask = async (/** @type {any} */ how) => {
    turn.abort();
    const mine = (turn = new AbortController());
    const began = performance.now();
    said.hidden = true;
    offer = how.mediation && mine;
    try {
      await renew();
      const wanted = { publicKey: read(), signal: mine.signal, ...how };
      const credential = await (create ? navigator.credentials.create(wanted) : navigator.credentials.get(wanted));
      field.value = JSON.stringify(written(credential));
      // For signal.js, on the next page.
      try { sessionStorage.setItem("passkey", `${/** @type {any} */ (form).version.value} ${/** @type {any} */ (credential).id}`); } catch {}
      // The passkey says who it is: a name that is not typed is no fault here.
      form.submit();
    } catch (error) {
      if (!mine.signal.aborted && !how.mediation) say(why(error, began));
    }
  };

  const without = box.querySelector("[data-without]");
  without?.remove();
  if (!isSecureContext) say("insecure");
  else if (!("PublicKeyCredential" in window)) say("unsupported");
  else {
    button.hidden = false;
    button.formNoValidate = true;
    form.addEventListener("submit", (event) => {
      if (event.submitter !== button) return;
      event.preventDefault();
      ask({});
    });
    // Offered among the names that the browser fills in.
    const offered = !create && form.querySelector("input[autocomplete~=webauthn]");
    const able = /** @type {any} */ (PublicKeyCredential).isConditionalMediationAvailable;
    if (offered && able) able.call(PublicKeyCredential).then((/** @type {boolean} */ can) => {
      if (!can) return;
      ask({ mediation: "conditional" });
      setInterval(() => offer === turn && ask({ mediation: "conditional" }), 120_000);
    });
  }
}
