// What the pages do by themselves: live lists, keys, copying, and asking before anything is changed.
// Everything is rendered by the server; a list that changed is read again and put in place of the old one.

const root = document.documentElement;
const $ = (selector, from = document) => from.querySelector(selector);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
root.classList.add("scripted");

// ---- Messages to the reader

let toastTimer;
function toast(text) {
  $("#toast").textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("#toast").textContent = ""; }, 3500);
}

// ---- Reading the page again

let reading = null;
let again = false;

async function refresh() {
  if (reading) { again = true; return; }
  const old = $("#content");
  if (!old) return;
  reading = new AbortController();
  try {
    const answer = await fetch(location.href, { signal: reading.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = $("#content", page);
    if (fresh) {
      const known = new Set(all("tr[id]", old).map((row) => row.id));
      const focused = document.activeElement?.closest("tr[id]")?.id;
      const chosen = $("tr.chosen", old)?.id;
      const open = all("details[open] > summary", old).map((summary) => summary.textContent);
      old.replaceWith(document.adoptNode(fresh));
      if (known.size) all("tr[id]", fresh).filter((row) => !known.has(row.id)).forEach((row) => row.classList.add("fresh"));
      if (chosen) document.getElementById(chosen)?.classList.add("chosen");
      if (focused) $("a.goto", document.getElementById(focused) ?? document.createElement("p"))?.focus({ preventScroll: true });
      for (const summary of all("details > summary", fresh)) summary.parentElement.open ||= open.includes(summary.textContent);
    }
    const banners = all(".banner", page).map((banner) => document.adoptNode(banner));
    all(".banner").forEach((banner) => banner.remove());
    $(".top").after(...banners);
    document.title = page.title;
  } catch (error) {
    if (error.name !== "AbortError") toast("The server does not answer.");
  }
  // At most four times a second, however much comes in.
  setTimeout(() => { reading = null; if (again) { again = false; refresh(); } }, 250);
}

// ---- Live

let stream;

function listen() {
  stream?.close();
  const content = $("#content[data-live]");
  const inbox = document.body.dataset.inbox;
  stream = new EventSource("/api/events" + (inbox ? "?inbox=" + encodeURIComponent(inbox) : ""));
  const light = $("#live");
  const state = (name, words) => { light.className = "live " + name; light.title = words; light.setAttribute("aria-label", words); };
  stream.onopen = () => state("on", "Live: what comes in appears by itself");
  stream.onerror = () => state("lost", "The connection to the server is lost; trying again");
  for (const name of (content?.dataset.live ?? "").split(" ").filter(Boolean)) stream.addEventListener(name, refresh);
}

// A page that nobody sees holds no connection: browsers allow a server only six of them.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stream?.close();
  else { listen(); refresh(); }
});
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => { if (event.persisted) { listen(); refresh(); } });
if (!document.hidden) listen();

// ---- Times, relative to now

const UNITS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["min", 60], ["s", 1]];
function ago(time) {
  const passed = (Date.now() - new Date(time.dateTime)) / 1000;
  for (const [unit, length] of UNITS) {
    if (passed < length) continue;
    const number = Math.floor(passed / length);
    return `${number} ${unit}${number > 1 && unit !== "min" && unit !== "s" ? "s" : ""} ago`;
  }
  return "just now";
}
setInterval(() => all("time").forEach((time) => { time.textContent = ago(time); }), 10000);

// ---- Filter as you type

const filter = $("form[data-filter]");
let typing;
filter?.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const given = [...new FormData(filter)].filter(([, value]) => value);
    history.replaceState(null, "", given.length ? "?" + new URLSearchParams(given) : location.pathname);
    again = Boolean(reading);
    refresh();
  }, 200);
});
filter?.addEventListener("submit", (event) => event.preventDefault());
for (const select of all("select[data-submit]")) select.addEventListener("change", () => select.form.requestSubmit());

// ---- Asking, then doing

async function ask(button) {
  const dialog = $("#confirm");
  $("#confirm-text").textContent = button.dataset.question;
  $("#confirm-yes").textContent = button.dataset.yes;
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  return dialog.returnValue === "yes";
}

async function act(button) {
  if (!(await ask(button))) return;
  const { method, url, then, scenario } = button.dataset;
  const body = scenario ? JSON.stringify({ name: scenario }) : undefined;
  try {
    const answer = await fetch(url, { method, body, headers: body ? { "Content-Type": "application/json" } : {} });
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      toast(problem.detail ?? `The server answered ${answer.status}.`);
    } else if (then) {
      location.assign(then);
    } else {
      toast("Done.");
      refresh();
    }
  } catch {
    toast("The server does not answer.");
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.method) act(button);
  if (button.dataset.open) document.getElementById(button.dataset.open).showModal();
  if (button.dataset.copy !== undefined) {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      toast("Copied.");
    } catch {
      toast("The browser does not allow copying here: " + button.dataset.copy);
    }
  }
  if (button.dataset.width) {
    $("iframe.frame").classList.toggle("phone", button.dataset.width === "phone");
    all("button[data-width]").forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
  }
});

// ---- Keys

function step(by) {
  const rows = all("#content tr[id]");
  if (!rows.length) {
    const link = $(by > 0 ? "a[rel=next]" : "a[rel=prev]");
    if (link) location.assign(link.href);
    return;
  }
  const now = rows.findIndex((row) => row.classList.contains("chosen"));
  const next = rows[now < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, now + by))];
  rows.forEach((row) => row.classList.toggle("chosen", row === next));
  next.scrollIntoView({ block: "nearest" });
  $("a.goto", next).focus({ preventScroll: true });
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  u: () => { const up = $("a[rel=up]"); if (up) location.assign(up.href); },
  "/": () => { const field = $("form[data-filter] input"); if (field) { field.focus(); field.select(); } else location.assign("/"); },
  "?": () => $("#help").showModal(),
  "#": () => $("tr.chosen .act, .message .tools .act")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (event.target.closest("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const tab = /^[1-6]$/.test(event.key) ? all(".tabs a")[event.key - 1] : null;
  const key = tab ? () => location.assign(tab.href) : KEYS[event.key];
  if (!key) return;
  event.preventDefault();
  key();
});
