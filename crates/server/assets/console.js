// @ts-check
// Copies what a button stands beside. Without it the text is selected by hand.
const said = document.createElement("p");
said.className = "away";
said.setAttribute("role", "status");
for (const button of document.querySelectorAll("button[data-copies]")) {
  const source = document.getElementById(button.getAttribute("data-copies") ?? "");
  if (!source || !navigator.clipboard) continue;
  button.removeAttribute("hidden");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent ?? "");
    said.textContent = button.getAttribute("data-done");
  });
}
document.querySelector("main")?.append(said);
