// @ts-check
// Says what is wrong with addresses while they are typed, by the rule that saving goes by. Without it saving says it.
for (const area of document.querySelectorAll("textarea[data-checks]")) {
  if (!(area instanceof HTMLTextAreaElement) || !area.form) continue;
  const form = area.form;
  const id = `${area.id}-fault`;
  const described = (area.getAttribute("aria-describedby") ?? "").split(" ").filter((one) => one && one !== id);
  let timer = 0;
  let asked = 0;
  /** @param {string[]} faults */
  const tell = (faults) => {
    let place = document.getElementById(id);
    if (!place && faults.length) {
      place = document.createElement("p");
      place.className = "fault";
      place.id = id;
      place.setAttribute("role", "status");
      area.before(place);
    }
    place?.replaceChildren(
      ...faults.map((fault) => {
        const line = document.createElement("span");
        line.textContent = `${fault} `;
        return line;
      }),
    );
    area.setAttribute("aria-invalid", String(faults.length > 0));
    area.setAttribute("aria-describedby", [...described, ...(faults.length ? [id] : [])].join(" "));
  };
  const check = async () => {
    const mine = ++asked;
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (typeof value === "string" && ["csrf", "auth", area.name].includes(name)) body.append(name, value);
    }
    const headers = { accept: "application/json" };
    const answer = await fetch(area.dataset.checks ?? "", { method: "POST", body, headers, redirect: "error" });
    // Of two answers the later question counts; of an answer that is none, saving will tell.
    if (mine === asked && answer.ok) tell((await answer.json()).faults);
  };
  area.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => check().catch(() => {}), 400);
  });
}
