// @ts-check
// Rewrites times to the reader's own clock and zone. Without it they stand in UTC.
// In the page's language, and in the way of writing it that the reader prefers: en-GB has no AM.
const page = document.documentElement.lang;
const language = navigator.languages.find((one) => one === page || one.startsWith(`${page}-`)) ?? page;
for (const time of document.querySelectorAll("time[data-shown]")) {
  const at = new Date(time.getAttribute("datetime") ?? "");
  if (Number.isNaN(at.getTime())) continue;
  const date = time.getAttribute("data-shown") === "date";
  time.setAttribute("title", time.textContent ?? "");
  time.textContent = date
    ? at.toLocaleString(language, { dateStyle: "medium", timeStyle: "short" })
    : at.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
