// A trial in detail: its config beside the best, its curve, its error, its log. It lies beside the study's page.

import { html, useEffect, useMemo, useRef } from "./vendor/htm/standalone.module.js";
import { Broken, Facts, Key, Name, Notice, State, hideTip, showTip } from "./components.js";
import { capital, count, duration, metric as metricName, number, score as scoreText, value as valueText, words } from "./format.js";
import { topRow } from "./history.js";
import { Lines } from "./plot.js";
import { has, useDocument } from "./state.js";
import { winner } from "./slices.js";

export function Trial({ study, number: of }) {
  const { trials } = study;
  const row = trials.number.indexOf(of);
  const place = useRef(null);
  const back = () => (location.hash = `#/study/${encodeURIComponent(study.name)}`);
  useEffect(() => {
    const before = document.activeElement;
    return () => before?.focus?.({ preventScroll: true });
  }, []);
  useEffect(() => {
    place.current.focus({ preventScroll: true });
  }, [of]);
  const key = (event) => {
    if (event.key === "Escape") back();
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && event.target === place.current && trials.number[row + step] !== undefined) {
      location.hash = `#/study/${encodeURIComponent(study.name)}/trial/${trials.number[row + step]}`;
    }
  };
  return html`
    <aside class="panel" role="dialog" aria-label=${`Trial ${of}`} tabindex="-1" ref=${place} onKeyDown=${key}>
      <header>
        <h2>Trial ${of}</h2>
        <button type="button" onClick=${back} aria-label="Close this trial">Close</button>
      </header>
      ${row < 0 ? html`<${Notice} trouble=${missing(study, of)} />` : html`<${Detail} study=${study} row=${row} key=${of} />`}
    </aside>
  `;
}

function missing(study, of) {
  if (study.left_out) return { rule: `This report has no trial ${of}.`, way_out: `It leaves ${number(study.left_out)} out; caviar dashboard shows all.` };
  return { rule: `The study has no trial ${of}.`, way_out: "" };
}

function Detail({ study, row }) {
  const { trials } = study;
  const own = trials.number[row];
  const path = `studies/${encodeURIComponent(study.name)}/trials/${own}`;
  return html`
    <${Facts} rows=${[
      ["state", html`<${State} state=${trials.state[row]} />`],
      [metricName(study.metric), scoreText(trials.score[row])],
      trials.loss[row] !== null && ["loss", scoreText(trials.loss[row])],
      ["epochs", number(trials.epochs[row] ?? 0)],
      trials.ended[row] !== null && trials.began[row] !== null && ["trained for", duration(trials.ended[row] - trials.began[row])],
      trials.origin[row] && ["from", html`<${Name} text=${trials.origin[row]} long=${60} />`],
      trials.score[row] !== null && !study.left_out && ["place", `${number(placeOf(trials, row))} of ${number(trials.number.length)}`],
    ]} />
    ${whyOf(study, row).map((sentence) => html`<p class="small" key=${sentence}><bdi>${sentence}</bdi></p>`)}
    ${has(path) ? html`<${Whole} study=${study} row=${row} path=${path} />` : html`<${Own} study=${study} row=${row} />`}
  `;
}

// Sentences: why the search tried this config, and why the trial was stopped.
function whyOf({ trials, rungs, boxes }, row) {
  const box = (boxes ?? []).find((each) => trials.origin[row] === `box ${each.number}`);
  const reached = (rungs ?? []).filter((rung) => rung.epochs <= (trials.epochs[row] ?? 0));
  const rung = trials.state[row] === "stopped" ? reached.at(-1) : undefined;
  return [
    box && `From box ${box.number}: ${box.reason}.`,
    rung?.rule && `Stopped at the rung of ${count(rung.epochs, "epoch")}: ${rung.rule}.`,
  ].filter(Boolean);
}

const placeOf = (trials, row) => 1 + trials.rank.filter((rank, i) => trials.score[i] !== null && rank > trials.rank[row]).length;

// All that the server has of the trial.
function Whole({ study, row, path }) {
  const { document: found, trouble } = useDocument(path, false);
  if (!found) return html`<${Notice} trouble=${trouble} /><${Own} study=${study} row=${row} />`;
  return html`
    <${Curve} curve=${found.curve} study=${study} />
    <${Error} text=${found.error} />
    <${Compared} config=${found.config} differs=${found.differs} study=${study} />
    <${Repeats} repeats=${found.repeats} />
    <${Attributes} of=${found.attributes} />
    ${found.log && html`<h3>Log</h3><pre tabindex="0" dir="auto">${found.log}</pre>`}
  `;
}

// All that the page itself has: a report has the documents of few trials only.
function Own({ study, row }) {
  const { trials } = study;
  const line = study.curves?.lines.find((each) => each.trial === trials.number[row]);
  const config = Object.fromEntries(Object.keys(trials.values).map((name) => [name, trials.values[name][row]]).filter(([, value]) => value !== null));
  const best = winner(study) === null ? topRow(trials) : trials.number.indexOf(winner(study));
  const other = (name) => trials.values[name][best] ?? null;
  const differs = Object.fromEntries(Object.keys(config).filter((name) => best >= 0 && best !== row && other(name) !== config[name]).map((name) => [name, [config[name], other(name)]]));
  return html`
    <${Curve} curve=${line} study=${study} />
    <${Error} text=${trials.errors?.[trials.number[row]]} />
    <${Compared} config=${config} differs=${differs} study=${study} />
  `;
}

const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000];

function Curve({ curve, study }) {
  const usable = Boolean(curve?.epochs.length);
  const name = metricName(study.metric);
  const parts = useMemo(() => {
    if (!usable) return null;
    const losses = [["validation loss", "vermilion", curve.losses], ["training loss", "grey", curve.train_losses]];
    const measured = losses.filter(([, , values]) => values?.some((x) => x !== null));
    return [[[name, "blue", curve.scores]], measured].filter((lines) => lines.length).map((lines) => plotOf(curve.epochs, lines));
  }, [curve]);
  if (!usable) return null;
  return html`
    <h3>${capital(name)} after each epoch</h3>
    <${Lines} ...${parts[0]} height=${170} label=${`${name} of this trial by epochs`} />
    ${parts[1] &&
    html`
      <h3>Loss after each epoch</h3>
      <${Lines} ...${parts[1]} height=${170} label="Losses of this trial by epochs" />
      <${Key} items=${parts[1].lines.map(([text, colour]) => [`line-${colour}`, text])} />
    `}
  `;
}

// lines: [[name, colour, values], ...] -> what Lines needs; the tooltip has the values under the pointer.
function plotOf(epochs, lines) {
  const few = epochs.length < 30;
  const tell = (plot) => {
    const { idx, left, top } = plot.cursor;
    if (idx === null || idx === undefined || left < 0) return hideTip();
    const box = plot.over.getBoundingClientRect();
    showTip(box.left + left, box.top + top, [`epoch ${number(epochs[idx])}`, ...lines.map(([text, , values]) => `${text} ${scoreText(values[idx])}`)]);
  };
  const options = {
    legend: { show: false },
    cursor: { y: false },
    hooks: { setCursor: [tell] },
    scales: { x: { time: false } },
    axes: [{ label: "epoch", size: 26, labelSize: 18, incrs: WHOLE }, { size: 58 }],
    series: [{}, ...lines.map(([label, stroke]) => ({ label, stroke, width: 2, points: { show: few, size: 6 } }))],
  };
  return { data: [epochs, ...lines.map(([, , values]) => values)], options, lines };
}

function Error({ text }) {
  return text ? html`<h3>Error</h3><pre tabindex="0" dir="auto">${text}</pre>` : null;
}

function Compared({ config, differs, study }) {
  const best = winner(study);
  const unlike = Object.keys(differs ?? {}).length;
  return html`
    <h3>Config${unlike > 0 && html` <span class="small">${count(unlike, "value")} unlike the best${best === null ? "" : `, trial ${best}`}</span>`}</h3>
    <table class="config">
      <thead><tr><th>hyperparameter</th><th>here</th>${unlike > 0 && html`<th>the best</th>`}</tr></thead>
      <tbody>
        ${Object.entries(config).map(([name, value]) => {
          const pair = differs?.[name];
          return html`
            <tr key=${name} class=${pair ? "unlike" : ""}>
              <th scope="row"><${Name} text=${name} long=${60} /></th>
              <td><${Broken} text=${valueText(value)} long=${200} /></td>
              ${unlike > 0 && html`<td>${pair ? html`<${Broken} text=${valueText(pair[1])} long=${200} />` : html`<span class="small">the same</span>`}</td>`}
            </tr>
          `;
        })}
      </tbody>
    </table>
  `;
}

function Repeats({ repeats }) {
  if (!repeats?.length) return null;
  return html`
    <h3>Trained again</h3>
    <p>${repeats.map((one) => (one.score === null ? words(one.state) : scoreText(one.score))).join(", ")}</p>
  `;
}

function Attributes({ of }) {
  const entries = Object.entries(of ?? {});
  if (!entries.length) return null;
  const text = (value) => (typeof value === "object" && value !== null ? JSON.stringify(value) : valueText(value));
  return html`
    <h3>Attributes</h3>
    <table class="config"><tbody>${entries.map(([name, value]) => html`<tr key=${name}><th scope="row"><${Name} text=${name} long=${60} /></th><td><${Name} text=${text(value)} long=${300} /></td></tr>`)}</tbody></table>
  `;
}
