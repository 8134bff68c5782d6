// The diary of a run, with filters, and the nurse's remarks from it.

import { html, useMemo, useState } from "./vendor/htm/standalone.module.js";
import { Card, Choice, Empty, Name } from "./components.js";
import { count, number, when } from "./format.js";

const FIRST = 60; // lines that are shown before one asks for more

const KINDS = [
  ["all", "All", () => true],
  ["acts", "Acts", (line) => ["turn", "rollback", "pause", "resume", "stop", "branch", "refused"].includes(line.kind)],
  ["nurse", "Nurse", (line) => isRemark(line)],
  ["snapshots", "Snapshots", (line) => line.kind === "snapshot"],
];

const isRemark = (line) => line.who === "nurse" || line.kind === "advice" || line.kind === "warning";

export function Diary({ diary }) {
  const [kind, setKind] = useState("all");
  const [wanted, setWanted] = useState("");
  const [shown, setShown] = useState(FIRST);
  const lines = useMemo(() => {
    const keep = KINDS.find(([key]) => key === kind)[2];
    const text = wanted.trim().toLowerCase();
    return diary
      .filter((line) => keep(line) && (kind === "snapshots" || text || !line.routine))
      .filter((line) => !text || `${line.who} ${line.kind} ${line.text}`.toLowerCase().includes(text))
      .reverse();
  }, [diary, kind, wanted]);
  const routine = kind === "all" && !wanted.trim() ? diary.filter((line) => line.routine).length : 0;
  const controls = html`
    <input type="search" placeholder="Who, or a word" aria-label="Find in the diary" value=${wanted} onInput=${(event) => setWanted(event.target.value)} />
    <${Choice} label="Lines of the diary" choices=${KINDS} value=${kind} onChange=${setKind} />
  `;
  return html`
    <${Card} title="Diary" help="run_diary" controls=${controls}>
      ${lines.length === 0 && html`<${Empty}>${diary.length ? "No such line." : "Nothing has happened yet."}</${Empty}>`}
      <ol class="diary">${lines.slice(0, shown).map((line) => html`<${Line} key=${line.number} line=${line} />`)}</ol>
      ${lines.length > shown && html`<button type="button" onClick=${() => setShown(shown + 500)}>Show more of ${number(lines.length)}</button>`}
      ${routine > 0 && html`<p class="small">${count(routine, "snapshot")} at epochs' ends left out.</p>`}
    </${Card}>
  `;
}

function Line({ line }) {
  const place = line.epoch ? `epoch ${number(line.epoch)}` : `step ${number(line.step)}`;
  return html`
    <li class=${`line ${line.kind}`}>
      <span class="small place" title=${`${when(line.at)}, step ${number(line.step)}`}>${place}</span>
      <span class="what">
        ${line.who && line.who !== "caviar" && html`<strong><${Name} text=${line.who} long=${30} /></strong>${" "}`}
        <${Name} text=${line.text} long=${600} />
      </span>
    </li>
  `;
}

// The last things that the nurse noticed; nothing where she is silent.
export function Remarks({ diary }) {
  const remarks = useMemo(() => diary.filter(isRemark).reverse(), [diary]);
  if (!remarks.length) return null;
  return html`
    <${Card} title="The nurse's remarks" help="run_remarks" wide>
      <ol class="diary">${remarks.slice(0, 4).map((line) => html`<${Line} key=${line.number} line=${line} />`)}</ol>
    </${Card}>
  `;
}
