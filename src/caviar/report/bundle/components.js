// What all pages share: names, cards, notices, pills, tooltips.

import { html, useEffect, useRef, useState } from "./vendor/htm/standalone.module.js";
import { signal } from "./vendor/signals/signals-core.module.js";
import { HELP } from "./help.js";
import { use } from "./state.js";

const LONG = 80; // letters of a name that are shown
const TITLE = 1000; // and those of its title
const SAID = 20_000; // milliseconds for which the outcome of an act stands beside its button

// A text of somebody else: as text only, its direction kept to itself, cut where it is long.
export function Name({ text, long = LONG }) {
  const letters = String(text ?? "");
  if (letters.length <= long) return html`<bdi class="name">${letters}</bdi>`;
  return html`<bdi class="name" title=${letters.slice(0, TITLE)}>${letters.slice(0, long)}…</bdi>`;
}

// A part of a page: its title, the sentence of what to look for, and its contents.
export function Card({ title, help, wide, controls, children, id }) {
  const said = help && HELP[help];
  return html`
    <section class=${`card${wide ? " wide" : ""}`} id=${id ?? help} aria-label=${title}>
      <header>
        <h2>${title}</h2>
        ${controls && html`<div class="controls">${controls}</div>`}
      </header>
      ${said && html`<p class="help">${said.look} <a href=${`#/help/${help}`}>More on this picture</a></p>`}
      ${children}
    </section>
  `;
}

// A mistake or a state of the store: the rule, and the way out.
export function Notice({ trouble, kind = "trouble", children }) {
  if (!trouble && !children) return null;
  return html`
    <div class=${`notice ${kind}`} role=${kind === "trouble" ? "alert" : "status"}>
      ${trouble && html`<p><strong>${trouble.rule}</strong></p>`}
      ${trouble?.way_out && html`<p>${trouble.way_out}</p>`}
      ${children}
    </div>
  `;
}

// A name that may break after its underscores.
export function Broken({ text, long = LONG }) {
  const parts = String(text).slice(0, long).split("_");
  return html`<bdi class="name" title=${String(text).slice(0, TITLE)}>${parts.map((part, i) => html`${part}${i < parts.length - 1 && html`_<wbr />`}`)}${String(text).length > long && "…"}</bdi>`;
}

// The key of a picture: [[kind of mark, text], ...]; the style sheet has the marks.
export function Key({ items, children }) {
  return html`
    <p class="marks small">
      ${children}
      ${items.filter(Boolean).map(([kind, text]) => html`<span class="item"><span class=${`swatch ${kind}`}></span> ${text}</span>`)}
    </p>
  `;
}

export function Empty({ children }) {
  return html`<p class="empty">${children}</p>`;
}

// The state of a study, a trial or a run, with a mark beside the colour.
export function State({ state, alive = true }) {
  const shown = state === "running" && !alive ? "away" : state;
  const text = shown === "away" ? "its process is gone" : String(shown).replaceAll("_", " ");
  return html`<span class=${`state ${shown}`}>${text}</span>`;
}

// Facts beside one another: [["best", "0.94"], ...].
export function Facts({ rows }) {
  return html`
    <dl class="facts">
      ${rows.filter(Boolean).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>
  `;
}

// One of a few: buttons of which one is pressed. choices: [[value, text], ...].
export function Choice({ label, choices, value, onChange }) {
  return html`
    <div class="choice" role="group" aria-label=${label}>
      ${choices.map(
        ([each, text]) =>
          html`<button type="button" aria-pressed=${each === value} onClick=${() => onChange(each)}>${text}</button>`,
      )}
    </div>
  `;
}

// A form that asks before it acts. fields: [{name, label, type, placeholder, value}]; onAct(values) -> {said}|{rule}.
export function Act({ title, fields = [], button, explain, onAct }) {
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [answer, setAnswer] = useState(null);
  const form = useRef(null);
  useEffect(() => {
    if (open) form.current?.querySelector("input, textarea, select, button")?.focus();
  }, [open]);
  const send = async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(event.target));
    setAnswer(null);
    setBusy(true);
    const found = await onAct(values);
    setBusy(false);
    setAnswer(found);
    if (!found.said) return;
    setOpen(false);
    setTimeout(() => setAnswer((now) => (now === found ? null : now)), SAID);
  };
  const leave = (event) => event.key === "Escape" && setOpen(false);
  if (!open) {
    return html`
      <button type="button" onClick=${() => (setAnswer(null), setOpen(true))}>${title}</button>
      ${answer?.said && html`<${Notice} kind="said"><p>${answer.said}</p></${Notice}>`}
    `;
  }
  return html`
    <form class="act" ref=${form} onSubmit=${send} onKeyDown=${leave} aria-label=${title} aria-busy=${busy}>
      ${explain && html`<p>${explain}</p>`}
      <div class="fields">${fields.map(({ label, ...rest }) => html`<label><span dir="auto">${label}</span> <${Field} ...${rest} /></label>`)}</div>
      <div class="controls">
        <button type="submit" class="main" disabled=${busy}>${busy ? "Under way ..." : (button ?? title)}</button>
        <button type="button" onClick=${() => setOpen(false)}>Close</button>
      </div>
      ${answer && !answer.said && html`<${Notice} trouble=${answer} />`}
    </form>
  `;
}

function Field({ type, choices, value, ...rest }) {
  if (type === "textarea") return html`<textarea ...${rest} defaultValue=${value} />`;
  if (type !== "select") return html`<input type=${type ?? "text"} ...${rest} defaultValue=${value} />`;
  const chosen = String(value ?? "");
  return html`<select ...${rest}>${choices.map((each) => html`<option value=${String(each)} selected=${String(each) === chosen}>${String(each).slice(0, 80)}</option>`)}</select>`;
}

// --- the tooltip: one for the page, beside the pointer ---

const tip = signal(null); // {x, y, lines: [text]}

export const showTip = (x, y, lines) => (tip.value = lines && lines.length ? { x, y, lines } : null);
export const hideTip = () => (tip.value = null);

export function Tooltip() {
  const shown = use(tip);
  const element = useRef(null);
  useEffect(() => {
    const box = element.current;
    if (!box || !shown) return;
    const { offsetWidth: w, offsetHeight: h } = box;
    const left = shown.x + 14 + w > innerWidth ? Math.max(shown.x - w - 14, 4) : shown.x + 14;
    const top = Math.min(Math.max(shown.y - h / 2, 4), innerHeight - h - 4);
    box.style.transform = `translate(${left}px, ${top}px)`;
  });
  if (!shown) return null;
  return html`
    <div class="tooltip" role="tooltip" ref=${element}>
      ${shown.lines.map((line, i) => (i ? html`<div dir="auto">${line}</div>` : html`<strong dir="auto">${line}</strong>`))}
    </div>
  `;
}
