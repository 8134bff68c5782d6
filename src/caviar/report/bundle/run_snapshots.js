// Snapshots of a run: to go back to, or to begin a branch from.

import { html, useMemo, useState } from "./vendor/htm/standalone.module.js";
import { Act, Card, Empty, Name, State } from "./components.js";
import { bytes, count, number } from "./format.js";
import { over } from "./run_standing.js";
import { act } from "./state.js";

const FIRST = 6; // rows that are shown before one asks for the rest

export function Snapshots({ run, path, writes }) {
  const [all, setAll] = useState(false);
  const kept = useMemo(() => [...run.snapshots].reverse(), [run.snapshots]);
  const removed = run.removed_snapshots;
  const best = bestOf(run, kept);
  const shown = all ? kept : kept.slice(0, FIRST);
  if (best && !shown.includes(best)) shown.push(best);
  return html`
    <${Card} title=${count(kept.length, "snapshot")} help="run_snapshots" wide>
      ${kept.length === 0 && html`<${Empty}>No snapshot yet.</${Empty}>`}
      ${kept.length > 0 && html`
        <div class="scroll">
          <table class="list">
            <thead><tr><th class="n">number</th><th class="n">epoch</th><th class="n">step</th><th class="n">loss</th><th class="n">size</th><th>taken</th>${writes && html`<th>act</th>`}</tr></thead>
            <tbody>${shown.map((one) => html`<${Row} key=${one.number} one=${one} best=${one === best} run=${run} path=${path} writes=${writes} />`)}</tbody>
          </table>
        </div>
      `}
      ${!all && kept.length > shown.length && html`<button type="button" onClick=${() => setAll(true)}>Show all ${number(kept.length)}</button>`}
      ${removed > 0 && html`<p class="small">${count(removed, "older snapshot was", "older snapshots were")} removed to keep within the disk's share.</p>`}
    </${Card}>
  `;
}

function bestOf(run, kept) {
  const { epoch } = run.best ?? {};
  const { epochs } = run; // a snapshot of the same epoch that was undone is another network
  const take = epochs.take[epochs.epoch.findIndex((each, row) => each === epoch && !epochs.undone[row])];
  return epoch ? kept.find((one) => one.epoch === epoch && one.take === take && one.state === "kept") : undefined;
}

function Row({ one, best, run, path, writes }) {
  const place = one.epoch || !one.step ? `epoch ${one.epoch}` : `step ${number(one.step)}`;
  const why = { name: "because", label: "Why, for the diary", placeholder: "optional", maxlength: 2000, autocomplete: "off" };
  return html`
    <tr>
      <td class="n">${one.number}</td>
      <td class="n">${number(one.epoch)}</td>
      <td class="n">${number(one.step)}</td>
      <td class="n">${one.loss === null ? "" : number(one.loss)}</td>
      <td class="n">${bytes(one.bytes)}</td>
      <td class="small"><${Name} text=${TAKEN[one.reason] ?? one.reason} long=${40} />${best && html` <strong>the best epoch</strong>`}${one.state !== "kept" && html` <${State} state=${one.state} />`}</td>
      ${writes && html`
        <td>
          <div class="controls">
            ${one.state === "kept" && !over(run) && html`<${Act}
              title="Go back" button="Go back" fields=${[why]}
              explain=${`Bring the run back to snapshot ${one.number} at ${place}, to the bit. What came after it stays in the picture, as undone.`}
              onAct=${(values) => act(`${path}/rollback`, { snapshot: one.number, because: values.because })}
            />`}
            ${one.state === "kept" && html`<${Act}
              title="Branch" button="Begin a branch"
              fields=${[{ name: "name", label: "Name of the branch", placeholder: "by itself", maxlength: 100, autocomplete: "off" }, { name: "changes", label: "Knobs to turn at once", placeholder: "learning_rate=0.001", maxlength: 1000, autocomplete: "off" }, why]}
              explain=${`Train a second run from snapshot ${one.number} at ${place}; this one goes on as it is.`}
              onAct=${(values) => branch(path, one.number, values)}
            />`}
          </div>
        </td>
      `}
    </tr>
  `;
}

const TAKEN = { beginning: "at the beginning", epoch: "at the end of an epoch", "now and then": "within an epoch", "asked for": "asked for", branch: "the branch's beginning" };

function branch(path, snapshot, { name, changes, because }) {
  const turned = {};
  for (const each of (changes ?? "").split(/[\s,]+/).filter(Boolean)) {
    const at = each.indexOf("=");
    if (at < 1) return { rule: `A knob is turned by name=value, got ${each.slice(0, 60)}.`, way_out: "Write learning_rate=0.001, say." };
    turned[each.slice(0, at)] = each.slice(at + 1);
  }
  return act(`${path}/branch`, { snapshot, because, changes: turned, ...(name.trim() ? { name: name.trim() } : {}) });
}
