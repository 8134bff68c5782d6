// Two studies side by side: facts, the best so far against seconds or trials, and what mattered in each.

import { html, useEffect, useMemo, useState } from "./vendor/htm/standalone.module.js";
import { drawFrame, inside, linear, scoreRange, scoreScale } from "./axes.js";
import { Card, Choice, Empty, Key, Name, Notice, State } from "./components.js";
import { count, duration, metric as metricName, number, score as scoreText, value as valueText, words } from "./format.js";
import { best, drawBest, scoreTitle, topRow, topScore } from "./history.js";
import { two } from "./importance.js";
import { Picture } from "./plot.js";
import { winner } from "./slices.js";
import { useDocument } from "./state.js";

const COLOURS = ["blue", "vermilion"];

export function ComparePage({ a, b }) {
  const found = [useDocument(`studies/${encodeURIComponent(a)}`), useDocument(`studies/${encodeURIComponent(b)}`)];
  useEffect(() => {
    document.title = `${a.slice(0, 40)} beside ${b.slice(0, 40)}: Caviar`;
  }, [a, b]);
  const studies = found.map((each) => each.document);
  if (studies.some((study) => study === null)) {
    return html`
      <h1>Two studies</h1>
      ${found.map((each) => html`<${Notice} trouble=${each.trouble} />`)}
      ${found.every((each) => !each.trouble) && html`<${Empty}>Reading the studies ...</${Empty}>`}
    `;
  }
  const alike = studies[0].metric === studies[1].metric;
  const other = "Their metrics are not the same, so that their scores cannot be compared.";
  return html`
    <h1>${studies.map((study, k) => html`${k > 0 && html` <span class="small">beside</span> `}<a href=${`#/study/${encodeURIComponent(study.name)}`}><${Name} text=${study.name} long=${60} /></a>`)}</h1>
    ${!alike && html`<${Notice} kind="doubt"><p>${other}</p></${Notice}>`}
    <div class="cards">
      ${alike && html`<${Race} studies=${studies} />`}
      <${FactsOf} studies=${studies} />
      <${Mattered} studies=${studies} />
      <${Configs} studies=${studies} />
    </div>
  `;
}

function Race({ studies }) {
  const [against, setAgainst] = useState("seconds");
  const steps = useMemo(
    () => studies.map(({ trials }) => best(trials, against === "trials" ? trials.number : trials.ended.map((at, i) => at ?? trials.began[i]))),
    [studies[0].trials, studies[1].trials, against],
  );
  const values = steps.flat();
  const range = scoreRange(values.map(([, value]) => value), studies[0].goal);
  const controls = html`<${Choice} label="Against" value=${against} onChange=${setAgainst} choices=${[["seconds", "seconds"], ["trials", "trials"]]} />`;
  if (range === null) return html`<${Card} title="The best so far" help="compare" wide controls=${controls}><${Empty}>Neither has a score at a known time yet.</${Empty}></${Card}>`;
  const most = Math.max(...values.map(([x]) => x), 0.01);
  const draw = (context, size, shades) => {
    const box = inside(size);
    const x = linear(0, most, box.left, box.right, against === "trials");
    const y = scoreScale(range, box.bottom, box.top);
    drawFrame(context, box, { x, y, xTitle: against === "trials" ? "trial" : "seconds since the beginning", yTitle: scoreTitle(studies[0]) }, shades);
    steps.forEach((each, k) => {
      if (k === 1) context.setLineDash([7, 4]); // told apart without colours too
      drawBest(context, each, x, y, box, shades[COLOURS[k]], 2.2);
      context.setLineDash([]);
    });
  };
  return html`
    <${Card} title="The best so far" help="compare" wide controls=${controls}>
      <${Picture} height=${300} draw=${draw} deps=${[steps]} label="The best score so far of both studies" />
      <${Key} items=${studies.map((study, k) => [`study${k}`, html`<${Name} text=${study.name} long=${50} />`])} />
    </${Card}>
  `;
}

function FactsOf({ studies }) {
  const rows = [
    ["state", (study) => html`<${State} state=${study.state} alive=${study.alive} />`],
    ["best in the search", (study) => scoreText(topScore(study.trials))],
    ["sealed test", (study) => scoreText(study.answer?.test?.[study.metric] ?? null)],
    ["metric", (study) => metricName(study.metric)],
    ["trials", (study) => number(study.trials.number.length)],
    ["stopped early", (study) => number(study.counts.stopped ?? 0)],
    ["diverged", (study) => number(study.counts.diverged ?? 0)],
    ["time", (study) => duration(study.elapsed)],
    ["search", (study) => html`<${Name} text=${words(study.search)} long=${40} />`],
    ["hyperparameters searched", (study) => number(study.hyperparameters.filter((each) => each.searched).length)],
    ["data", (study) => (study.data ? `${count(study.data.rows, "row")}, ${count(study.data.features, "feature")}` : words(study.study_kind))],
    ["seed", (study) => String(study.seed)],
  ];
  return html`<${Card} title="Facts"><${Pairs} studies=${studies} rows=${rows.map(([name, of]) => [name, studies.map(of)])} /></${Card}>`;
}

function Mattered({ studies }) {
  const tables = studies.map((study) => new Map((study.importance ?? []).map((row) => [row.name, row])));
  const names = [...new Set(tables.flatMap((table) => [...table.keys()]))];
  if (!names.length) return html`<${Card} title="What mattered"><${Empty}>Neither has trials enough to measure it.</${Empty}></${Card}>`;
  const size = (name) => Math.max(...tables.map((table) => table.get(name)?.importance ?? -1));
  names.sort((x, y) => size(y) - size(x));
  const shown = (row) => (row ? `${two(row.importance)} (${two(row.low)} to ${two(row.high)})` : "");
  return html`<${Card} title="What mattered" help="importance"><${Pairs} studies=${studies} rows=${names.map((name) => [name, tables.map((table) => shown(table.get(name)))])} /></${Card}>`;
}

function Configs({ studies }) {
  const configs = studies.map((study) => {
    if (study.answer) return study.answer.config;
    const { trials } = study;
    const row = winner(study) === null ? topRow(trials) : trials.number.indexOf(winner(study));
    return row < 0 ? {} : Object.fromEntries(Object.entries(trials.values).map(([name, values]) => [name, values[row]]));
  });
  const names = [...new Set(configs.flatMap((config) => Object.keys(config)))];
  if (!names.length) return null;
  return html`<${Card} title="The best config of each"><${Pairs} studies=${studies} rows=${names.map((name) => [name, configs.map((config) => valueText(config[name] ?? null))])} /></${Card}>`;
}

function Pairs({ studies, rows }) {
  return html`
    <div class="scroll">
      <table class="config">
        <thead><tr><th></th>${studies.map((study) => html`<th><${Name} text=${study.name} long=${30} /></th>`)}</tr></thead>
        <tbody>
          ${rows.map(([name, values]) => html`<tr key=${name} class=${typeof values[0] === "string" && values[0] !== values[1] ? "unlike" : ""}><th scope="row"><${Name} text=${name} long=${50} /></th>${values.map((value) => html`<td>${typeof value === "string" ? html`<${Name} text=${value} long=${100} />` : value}</td>`)}</tr>`)}
        </tbody>
      </table>
    </div>
  `;
}
