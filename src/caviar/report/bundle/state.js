// Documents as signals: from the page itself where it has them (a report in one file), else from the server, which
// then sends what is new as server-sent events.
//
// A path is that of the server's interface without "/api/": "studies/flowers", "runs/night", "studies/a%20b/trials/3".

import { batch, effect, signal } from "./vendor/signals/signals-core.module.js";
import { useEffect, useRef, useState } from "./vendor/htm/standalone.module.js";
import { merge } from "./merge.js";

const RETRY = [1000, 2000, 5000, 10000]; // milliseconds; the last for ever
const BEGINS = 3000; // milliseconds to the next look for one that is not there: it may be about to begin
const LONGEST = 50_000; // letters of an address; servers take no longer ones, and hang up
const TOO_LONG = { rule: "This name is too long for the address of a page.", way_out: "The terminal shows it: caviar studies lists all names." };
const AWAY = { rule: "The dashboard's server does not answer.", way_out: "The page goes on by itself when it is back." };

// A report in one file: {"start": "#/study/flowers", "documents": {path: document}}.
const inlined = (() => {
  const element = document.getElementById("caviar-data");
  return element === null ? null : JSON.parse(element.textContent);
})();
export const isReport = inlined !== null;
export const start = isReport ? inlined.start : "#/";

const sources = new Map();

// The signals of `path`: its document, null until it is there; what is wrong, as {rule, way_out}; gone, when deleted.
export function source(path) {
  if (!sources.has(path)) {
    const own = isReport ? (inlined.documents[path] ?? null) : null;
    const missing = isReport && own === null ? { rule: "This report has no such page.", way_out: "" } : null;
    sources.set(path, {
      path,
      document: signal(own),
      trouble: signal(missing),
      gone: signal(false),
      followers: 0,
      events: null,
      timer: null,
      failures: 0,
    });
  }
  return sources.get(path);
}

export const has = (path) => !isReport || path in inlined.documents;

// Fetches the document of `from` again. Returns true where it came.
export async function load(from) {
  if (isReport) return from.document.peek() !== null;
  if (from.path.length > LONGEST) {
    from.trouble.value = TOO_LONG;
    return false;
  }
  try {
    const answer = await fetch(`api/${from.path}`, { credentials: "same-origin" });
    const found = await answer.json().catch(() => ({}));
    if (answer.ok) {
      batch(() => {
        from.document.value = found;
        from.trouble.value = null;
        from.gone.value = false;
      });
      return true;
    }
    if (answer.status === 404) from.gone.value = true;
    from.trouble.value = refusal(answer, found);
  } catch {
    from.trouble.value = AWAY;
  }
  return false;
}

// Asks the server to act. Resolves to {said} or to {rule, way_out}.
export async function act(path, body = {}) {
  try {
    const headers = { "Content-Type": "application/json" };
    const sent = { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" };
    const answer = await fetch(`api/${path}`, sent);
    const found = await answer.json().catch(() => ({}));
    return answer.ok ? { said: found.said ?? "Done." } : refusal(answer, found);
  } catch {
    return AWAY;
  }
}

function refusal(answer, found) {
  const rule = found.rule ?? `The server answered ${answer.status}${answer.statusText ? ` ${answer.statusText}` : ""}.`;
  return { rule, way_out: found.way_out ?? "" };
}

// --- following ---

// Keeps the document of `from` as new as the server's until the function that it returns is called.
export function follow(from) {
  from.followers += 1;
  if (from.followers === 1) open(from);
  return () => {
    from.followers -= 1;
    if (from.followers === 0) close(from);
  };
}

async function open(from) {
  if (isReport || document.hidden) return; // a browser has six connections to a server: hidden pages need none
  const there = from.document.peek() !== null && from.failures < 2;
  if (!there && !(await load(from))) return from.trouble.peek() === TOO_LONG ? undefined : again(from);
  if (from.followers === 0 || from.events !== null) return;
  const events = new EventSource(eventsOf(from));
  from.events = events;
  events.addEventListener("open", () => {
    from.failures = 0;
    if (from.trouble.peek() === AWAY) from.trouble.value = null;
  });
  events.addEventListener("changes", (event) => {
    const changes = JSON.parse(event.data);
    if (event.lastEventId) changes.cursor = event.lastEventId;
    from.document.value = merge(from.document.peek(), changes);
  });
  events.addEventListener("trouble", (event) => (from.trouble.value = JSON.parse(event.data)));
  events.addEventListener("back", () => (from.trouble.value = null));
  events.addEventListener("gone", () => {
    from.gone.value = true;
    close(from);
  });
  events.addEventListener("error", () => {
    close(from);
    from.trouble.value ??= AWAY;
    again(from);
  });
}

function eventsOf(from) {
  const cursor = from.document.peek().cursor;
  return `api/${from.path === "studies" ? "" : `${from.path}/`}events${cursor ? `?after=${encodeURIComponent(cursor)}` : ""}`;
}

function close(from) {
  from.events?.close();
  from.events = null;
  clearTimeout(from.timer);
}

function again(from) {
  const wait = from.gone.peek() ? BEGINS : RETRY[Math.min(from.failures, RETRY.length - 1)];
  from.failures += 1;
  clearTimeout(from.timer);
  from.timer = setTimeout(() => from.followers > 0 && open(from), wait);
}

document.addEventListener("visibilitychange", () => {
  for (const from of sources.values()) {
    if (from.followers === 0) continue;
    if (document.hidden) close(from);
    else if (from.events === null) open(from);
  }
});

// --- in components ---

// The value of `of`, drawing the component again when it changes.
export function use(of) {
  const [, draw] = useState(0);
  const drawn = useRef(null); // the value may change between the drawing and the effect
  drawn.current = of.peek();
  useEffect(() => effect(() => void (of.value !== drawn.current && draw((n) => n + 1))), [of]);
  return drawn.current;
}

// The document of `path` in a component, followed while the component is on the page; fetched once where not `live`.
export function useDocument(path, live = true) {
  const from = source(path);
  useEffect(() => (live ? follow(from) : void load(from)), [from]);
  return { document: use(from.document), trouble: use(from.trouble), gone: use(from.gone), again: () => load(from) };
}
