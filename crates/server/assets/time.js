// @ts-check
// Rewrites times to the reader's own clock and zone. Without it they stand in UTC.
const language = document.documentElement.lang;
for (const time of document.querySelectorAll("time[data-shown]")) {
  const at = new Date(time.getAttribute("datetime") ?? "");
  if (Number.isNaN(at.getTime())) continue;
  const date = time.getAttribute("data-shown") === "date";
  time.setAttribute("title", time.textContent ?? "");
  time.textContent = date
    ? at.toLocaleString(language, { dateStyle: "medium", timeStyle: "short" })
    : at.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
