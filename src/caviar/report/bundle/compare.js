// Two studies side by side: the best so far against seconds or trials, facts, and the best config of each.

import { html, useEffect, useState } from "./vendor/htm/standalone.module.js";
import { drawFrame, inside, linear, mark, scoreRange, scoreScale } from "./axes.js";
import { Broken, Card, Choice, Empty, Key, Name, Notice, State } from "./components.js";
import { duration, metric as metricName, number, score as scoreText, value as valueText, when, words } from "./format.js";
import { drawBest, scoreTitle } from "./history.js";
import { Interval, Measured, shareOf } from "./importance.js";
import { Picture } from "./plot.js";
import { useDocument } from "./state.js";

const COLOURS = ["blue", "vermilion"];

export function ComparePage({ a, b }) {
  const { document: found, trouble } = useDocument(`compare?study=${encodeURIComponent(a)}&study=${encodeURIComponent(b)}`, false);
  useEffect(() => {
    document.title = `${a.slice(0, 40)} beside ${b.slice(0, 40)}: Caviar`;
  }, [a, b]);
  if (!found) return html`<h1>Two studies</h1><${Notice} trouble=${trouble} />${!trouble && html`<${Empty}>Reading the studies ...</${Empty}>`}`;
  const { studies, doubt } = found;
  const alike = studies.every((study) => study.metric === studies[0].metric);
  return html`
    <div class="title">
      <h1>${studies.map((study, k) => html`${k > 0 && html` <span class="small">beside</span> `}<a href=${`#/study/${encodeURIComponent(study.name)}`}><${Name} text=${study.name} long=${60} /></a>`)}</h1>
    </div>
    ${doubt && html`<${Notice} kind="doubt"><p><bdi>${doubt}</bdi></p></${Notice}>`}
    <div class="cards">
      ${alike && html`<${Race} studies=${studies} />`}
      <${Mattered} studies=${studies} />
      <${Card} title="Facts"><${Pairs} studies=${studies} rows=${factsOf(studies)} /></${Card}>
      ${found.hyperparameters.length > 0 &&
      html`<${Card} title="The best config of each"><${Pairs} studies=${studies} rows=${found.hyperparameters.map(({ name, values }) => [name, values.map((value) => ((value ?? null) === null ? null : valueText(value)))])} /></${Card}>`}
    </div>
  `;
}

function Race({ studies }) {
  const timed = studies.every((study) => study.over_time.seconds.length || !study.history.trial.length);
  const [chosen, setAgainst] = useState("seconds");
  const against = timed ? chosen : "trials";
  const steps = studies.map(({ history, over_time: timely }) => {
    const [xs, best] = against === "trials" ? [history.trial, history.best] : [timely.seconds, timely.best];
    return xs.map((x, i) => [x, best[i]]).filter(([x, value]) => x !== null && value !== null);
  });
  const values = steps.flat();
  const range = scoreRange(values.map(([, value]) => value), studies[0].goal);
  const controls = timed && html`<${Choice} label="Against" value=${against} onChange=${setAgainst} choices=${[["seconds", "seconds"], ["trials", "trials"]]} />`;
  if (range === null) return html`<${Card} title="The best so far" help="compare" wide><${Empty}>Neither study has a score yet.</${Empty}></${Card}>`;
  const whole = against === "trials";
  const ends = studies.map((study) => (whole ? study.trials : (study.seconds ?? 0)));
  const most = Math.max(...values.map(([x]) => x), ...ends, 0.01);
  const draw = (context, size, shades) => {
    const box = inside(size);
    const x = linear(0, most, box.left, box.right, whole);
    const y = scoreScale(range, box.bottom, box.top);
    drawFrame(context, box, { x, y, xTitle: whole ? "trial" : "seconds since the beginning", yTitle: scoreTitle(studies[0]) }, shades);
    steps.forEach((each, k) => {
      if (k === 1) context.setLineDash([7, 4]); // told apart without colours too
      drawBest(context, each, x, y, box, shades[COLOURS[k % 2]], 2.2);
      context.setLineDash([]);
      if (!each.length) return;
      context.fillStyle = shades[COLOURS[k % 2]]; // where the study ended: its best stays what it is
      mark(context, x(Math.max(ends[k], each.at(-1)[0])), y(each.at(-1)[1]), 4.5, "");
    });
  };
  return html`
    <${Card} title="The best so far" help="compare" wide controls=${controls}>
      <${Picture} height=${300} draw=${draw} deps=${[studies, against]} label="The best score so far of both studies" />
      <${Key} items=${studies.map((study, k) => [`study${k}`, html`<${Name} text=${study.name} long=${50} />`])} />
    </${Card}>
  `;
}

// The importance of each hyperparameter in both studies, on one scale.
function Mattered({ studies }) {
  const measured = studies.filter((study) => study.importance.length);
  const rows = measured.flatMap((study) => study.importance);
  if (!rows.length) return html`<${Card} title="What mattered in each" help="importance" id="mattered" wide><${Empty}>Too few trials of these studies have a score to measure what mattered.</${Empty}></${Card}>`;
  const at = shareOf(rows);
  const most = (name) => Math.max(...rows.filter((row) => row.name === name).map((row) => row.importance));
  const names = [...new Set(rows.map((row) => row.name))].sort((a, b) => most(b) - most(a));
  const of = (study, name) => study.importance.find((row) => row.name === name);
  return html`
    <${Card} title="What mattered in each" help="importance" id="mattered" wide>
      <div class="scroll">
        <table class="importance">
          <thead><tr><th>hyperparameter</th><th class="track">importance, 90 % interval</th>${studies.map((study) => html`<th class="n"><${Name} text=${study.name} long=${30} /></th>`)}</tr></thead>
          <tbody>
            ${names.map((name) => html`
              <tr key=${name}>
                <th scope="row"><${Broken} text=${name} long=${40} /></th>
                <td class="track">${studies.map((study, k) => of(study, name) && html`<${Interval} row=${of(study, name)} at=${at} kind=${`study${k}`} />`)}</td>
                ${studies.map((study) => html`<td class="n">${of(study, name) ? html`<${Measured} row=${of(study, name)} />` : html`<span class="small">${study.importance.length ? "not searched" : "too few trials"}</span>`}</td>`)}
              </tr>
            `)}
          </tbody>
        </table>
      </div>
      <${Key} items=${studies.map((study, k) => [`bar${k}`, html`<${Name} text=${study.name} long=${50} />`])} />
    </${Card}>
  `;
}

function factsOf(studies) {
  const rows = [
    ["state", (study) => html`<${State} state=${study.state} />`],
    ["best so far", (study) => scoreText(study.best)],
    ["validation", (study) => scoreText(study.validation?.[study.metric] ?? null)],
    ["sealed test", (study) => scoreText(study.test?.[study.metric] ?? null)],
    ["metric", (study) => metricName(study.metric)],
    ["trials", (study) => number(study.trials)],
    ["time", (study) => duration(study.worked)],
    ["search", (study) => words(study.search)],
    ["kind", (study) => words(study.kind)],
    ["begun", (study) => when(study.created)],
  ];
  return rows.map(([name, of]) => [name, studies.map(of)]);
}

function Pairs({ studies, rows }) {
  return html`
    <div class="scroll">
      <table class="config">
        <thead><tr><th></th>${studies.map((study) => html`<th><${Name} text=${study.name} long=${30} /></th>`)}</tr></thead>
        <tbody>
          ${rows.map(([name, values]) => html`<tr key=${name} class=${typeof values[0] === "string" && values[0] !== values[1] ? "unlike" : ""}><th scope="row"><${Name} text=${name} long=${50} /></th>${values.map((value) => html`<td>${typeof value === "string" ? html`<${Name} text=${value} long=${100} />` : (value ?? html`<span class="small">none</span>`)}</td>`)}</tr>`)}
        </tbody>
      </table>
    </div>
  `;
}
