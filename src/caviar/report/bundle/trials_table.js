// The table of trials: filter, sort, columns; only the rows in sight are on the page.

import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm/standalone.module.js";
import { Card, Empty, Name, State } from "./components.js";
import { count, number, score as scoreText, value as valueText, words } from "./format.js";
import { column, open } from "./selection.js";
import { searched, winner } from "./slices.js";
import { use } from "./state.js";

const ROW = 33; // pixels, as the style sheet has it
const SIGHT = 15; // rows
const BEYOND = 6; // rows above and below

export function TrialsTable({ study, selection, chosen, opened }) {
  const filter = use(selection.filter);
  const { trials } = study;
  const all = useMemo(() => columnsOf(study), [study.hyperparameters, study.metric, study.spaces?.length]);
  const [hidden, setHidden] = useState(new Set(["loss", "origin", "seconds"]));
  const [sort, setSort] = useState({ by: "rank", down: true });
  const rows = useMemo(() => sorted(study, chosen, sort, all), [trials, chosen, sort, all]);
  const shown = all.filter((each) => !hidden.has(each.key));
  const toggle = (key) => {
    const next = new Set(hidden);
    if (!next.delete(key)) next.add(key);
    setHidden(next);
  };
  const controls = html`
    <input type="search" class="filter" placeholder="state:finished learning_rate<0.01" aria-label="Filter the trials"
      value=${filter} onInput=${(event) => (selection.filter.value = event.target.value)} />
    <details class="menu">
      <summary>Columns</summary>
      <div>
        ${all.map((each) => html`<label key=${each.key}><input type="checkbox" checked=${!hidden.has(each.key)} onChange=${() => toggle(each.key)} /> <${Name} text=${each.title} long=${40} /></label>`)}
      </div>
    </details>
  `;
  return html`
    <${Card} title=${titleOf(study, chosen && rows.length)} help="trials" wide controls=${controls}>
      ${rows.length === 0
        ? html`<${Empty}>${trials.number.length ? "No trial is meant by this filter and these ranges." : "No trial has begun."}</${Empty}>`
        : html`<${Grid} study=${study} rows=${rows} columns=${shown} sort=${sort} onSort=${setSort} opened=${opened} />`}
    </${Card}>
  `;
}

function titleOf({ trials, left_out: left }, chosen) {
  const n = trials.number.length;
  if (chosen !== null) return `${number(chosen)} of ${count(n, "trial")}`;
  return left ? `${number(n)} of ${count(n + left, "trial")}` : count(n, "trial");
}

function columnsOf(study) {
  const fixed = [
    { key: "trial", title: "trial", of: "number", show: (x) => x },
    { key: "state", title: "state", of: "state", show: (x) => html`<${State} state=${x} />`, text: true },
    { key: "rank", title: words(study.metric), of: "score", show: (x) => (x === null ? "" : scoreText(x)), sortBy: "rank" },
    { key: "loss", title: "loss", of: "loss", show: (x) => (x === null ? "" : scoreText(x)) },
    { key: "epochs", title: "epochs", of: "epochs", show: (x) => number(x ?? 0) },
    { key: "seconds", title: "seconds", of: "seconds", show: (x) => (x === null ? "" : number(x, 3)) },
    { key: "origin", title: "from", of: "origin", show: (x) => html`<${Name} text=${x} long=${30} />`, text: true },
  ];
  if (study.spaces?.length) fixed.push({ key: "outside", title: "space", of: "outside", show: (x) => (x ? "outside" : ""), text: true });
  const own = searched(study).map((each) => ({
    key: `values ${each.name}`,
    title: each.name,
    value: each.name,
    text: each.choices !== null && each.choices.some((choice) => typeof choice === "string"),
    show: (x) => (typeof x === "string" ? html`<${Name} text=${x} long=${30} />` : valueText(x)),
  }));
  return [...fixed, ...own];
}

function valuesOf(trials, each) {
  if (each.value !== undefined) return trials.values[each.value] ?? [];
  if (each.of !== "seconds") return trials[each.of];
  return trials.ended.map((end, row) => (end === null || trials.began[row] === null ? null : end - trials.began[row]));
}

function sorted(study, chosen, { by, down }, all) {
  const { trials } = study;
  const rows = trials.number.map((_, row) => row).filter((row) => !chosen || chosen[row]);
  const each = all.find((one) => one.key === by) ?? all[0];
  const values = each.sortBy ? column(trials, each.sortBy) : valuesOf(trials, each);
  const sign = down ? -1 : 1;
  const missing = (x) => x === null || x === undefined || x === "";
  return rows.sort((a, b) => {
    const [x, y] = [values[a], values[b]];
    if (missing(x) || missing(y)) return missing(x) - missing(y) || a - b; // what is missing comes last, either way
    if (x === y) return a - b;
    return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
  });
}

function Grid({ study, rows, columns, sort, onSort, opened }) {
  const { trials } = study;
  const place = useRef(null);
  const [top, setTop] = useState(0);
  const [active, setActive] = useState(0);
  const best = winner(study);
  const values = useMemo(() => columns.map((each) => valuesOf(trials, each)), [trials, columns]);
  const first = Math.max(Math.floor(top / ROW) - BEYOND, 0);
  const end = Math.min(first + SIGHT + 2 * BEYOND, rows.length);
  const row = Math.min(active, rows.length - 1);
  useEffect(() => {
    if (opened === null) return;
    const at = rows.findIndex((each) => trials.number[each] === opened);
    if (at >= 0) setActive(at);
  }, [opened]);
  const move = (to) => {
    const next = Math.min(Math.max(to, 0), rows.length - 1);
    setActive(next);
    const element = place.current;
    const sight = element.clientHeight - ROW;
    if (next * ROW < element.scrollTop) element.scrollTop = next * ROW;
    else if ((next + 1) * ROW > element.scrollTop + sight) element.scrollTop = (next + 1) * ROW - sight;
  };
  const key = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: SIGHT, PageUp: -SIGHT, Home: -rows.length, End: rows.length }[event.key];
    if (step && event.target === place.current) {
      event.preventDefault();
      move(row + step);
    } else if (event.key === "Enter" && event.target === place.current) {
      open(study.name, trials.number[rows[row]]);
    }
  };
  const by = (each) => onSort({ by: each.key, down: sort.by === each.key ? !sort.down : each.key === "rank" });
  const gap = (n) => (element) => element && (element.style.height = `${n * ROW}px`);
  const short = (element) => {
    place.current = element;
    if (element) element.style.maxHeight = `${(SIGHT + 1) * ROW + 2}px`;
  };
  const cell = (each, k, line) => {
    const shown = each.show(values[k][line] ?? null);
    return k === 0 ? html`<th scope="row" class="n">${shown}</th>` : html`<td class=${each.text ? "" : "n"}>${shown}</td>`;
  };
  return html`
    <div class="grid" role="region" tabindex="0" aria-label="Trials. Arrow keys move, Enter opens a trial." ref=${short}
      aria-activedescendant=${`trial-row-${rows[row]}`} onKeyDown=${key} onScroll=${(event) => setTop(event.target.scrollTop)}>
      <table aria-rowcount=${rows.length + 1}>
        <thead>
          <tr>
            ${columns.map((each) => {
              const own = sort.by === each.key;
              return html`
                <th key=${each.key} class=${each.text ? "" : "n"} aria-sort=${own ? (sort.down ? "descending" : "ascending") : "none"}>
                  <button type="button" class="sort" onClick=${() => by(each)} title=${`Sort by ${each.title}`.slice(0, 300)}>
                    <${Name} text=${each.title} long=${28} /><span aria-hidden="true">${own ? (sort.down ? " ↓" : " ↑") : ""}</span>
                  </button>
                </th>
              `;
            })}
          </tr>
        </thead>
        <tbody>
          ${first > 0 && html`<tr class="gap" aria-hidden="true"><td colspan=${columns.length} ref=${gap(first)}></td></tr>`}
          ${rows.slice(first, end).map((line, i) => {
            const trial = trials.number[line];
            const kind = [first + i === row ? "active" : "", trial === opened ? "opened" : "", trial === best ? "best" : ""].join(" ");
            return html`
              <tr key=${trial} id=${`trial-row-${line}`} class=${kind} aria-rowindex=${first + i + 2} aria-selected=${first + i === row}
                onClick=${() => (setActive(first + i), open(study.name, trial))}>
                ${columns.map((each, k) => cell(each, k, line))}
              </tr>
            `;
          })}
          ${end < rows.length && html`<tr class="gap" aria-hidden="true"><td colspan=${columns.length} ref=${gap(rows.length - end)}></td></tr>`}
        </tbody>
      </table>
    </div>
  `;
}
