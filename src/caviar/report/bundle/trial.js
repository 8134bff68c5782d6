// A trial in detail: its config beside the best, its curve, its error, its log. It lies beside the study's page.

import { html, useEffect, useMemo, useRef } from "./vendor/htm/standalone.module.js";
import { Facts, Name, Notice, State } from "./components.js";
import { count, duration, metric as metricName, number, score as scoreText, value as valueText } from "./format.js";
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
      ${row < 0 ? html`<${Notice} trouble=${{ rule: `The study has no trial ${of}.`, way_out: "" }} />` : html`<${Detail} study=${study} row=${row} key=${of} />`}
    </aside>
  `;
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
      trials.score[row] !== null && ["place", `${number(placeOf(trials, row))} of ${number(trials.number.length)}`],
    ]} />
    ${has(path) ? html`<${Whole} study=${study} row=${row} path=${path} />` : html`<${Own} study=${study} row=${row} />`}
  `;
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

function Curve({ curve, study }) {
  const usable = Boolean(curve?.epochs.length);
  const data = useMemo(() => (usable ? [curve.epochs, curve.scores] : null), [curve]);
  const losses = useMemo(() => (usable && curve.losses?.some((x) => x !== null) ? [curve.epochs, curve.losses, ...(curve.train_losses?.length ? [curve.train_losses] : [])] : null), [curve]);
  const few = usable && curve.epochs.length < 30;
  const series = (label, stroke) => ({ label, stroke, width: 2, points: { show: few, size: 6 }, value: (_, x) => (x === null ? "" : scoreText(x)) });
  const plain = { cursor: { y: false }, scales: { x: { time: false } }, axes: [{ label: "epoch" }, { size: 58 }] };
  const first = { label: "epoch", value: (_, x) => (x === null ? "" : number(x)) };
  const scores = useMemo(() => ({ ...plain, series: [first, series(metricName(study.metric), "blue")] }), [few]);
  const both = useMemo(() => ({ ...plain, series: [first, series("validation loss", "vermilion"), ...(curve?.train_losses?.length ? [series("training loss", "grey")] : [])] }), [few, usable]);
  if (!usable) return null;
  return html`
    <h3>${metricName(study.metric)} after each epoch</h3>
    <${Lines} data=${data} options=${scores} height=${170} label=${`${metricName(study.metric)} of this trial by epochs`} />
    ${losses && html`<h3>Loss after each epoch</h3><${Lines} data=${losses} options=${both} height=${170} label="Losses of this trial by epochs" />`}
  `;
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
              <td><${Name} text=${valueText(value)} long=${200} /></td>
              ${unlike > 0 && html`<td>${pair ? html`<${Name} text=${valueText(pair[1])} long=${200} />` : html`<span class="small">the same</span>`}</td>`}
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
    <p>${repeats.map((one) => (typeof one === "object" ? scoreText(one.score ?? null) : scoreText(one))).join(", ")}</p>
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
