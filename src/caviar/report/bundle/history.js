// History: every trial's score and the best so far, against trials or against seconds.

import { html, useMemo, useState } from "./vendor/htm/standalone.module.js";
import { drawFrame, inside, line, linear, mark, markSize, nearest, scoreRange, scoreScale, stateColour } from "./axes.js";
import { Card, Choice, Empty } from "./components.js";
import { capital, count, metric as metricName, number, score as scoreText } from "./format.js";
import { Picture } from "./plot.js";
import { open, trialLines } from "./selection.js";

const HEIGHT = 270;

export function History({ study, chosen }) {
  const [against, setAgainst] = useState("trials");
  const { trials } = study;
  const range = useMemo(() => scoreRange(trials.score, study.goal), [trials]);
  const timed = trials.began.some((at) => at !== null) || trials.ended.some((at) => at !== null);
  const xs = useMemo(() => (against === "trials" ? trials.number : trials.ended.map((at, i) => at ?? trials.began[i])), [trials, against]);
  const controls = timed && html`<${Choice} label="Against" value=${against} onChange=${setAgainst} choices=${[["trials", "trials"], ["seconds", "seconds"]]} />`;
  if (range === null) {
    return html`<${Card} title="History" help="history"><${Empty}>No trial has a score yet.</${Empty}></${Card}>`;
  }
  const scales = (size) => {
    const box = inside(size);
    let most = 0;
    for (const x of xs) if (x !== null && x > most) most = x;
    return { box, x: linear(0, Math.max(most, against === "trials" ? 1 : 0.01), box.left, box.right, against === "trials"), y: scoreScale(range, box.bottom, box.top) };
  };
  const place = (size) => {
    const { box, x, y } = scales(size);
    return (row) => {
      if (xs[row] === null || trials.score[row] === null) return null;
      return [x(xs[row]), Math.min(Math.max(y(trials.score[row]), box.top), box.bottom)];
    };
  };
  const draw = (context, size, shades) => {
    const { box, x, y } = scales(size);
    drawFrame(context, box, { x, y, xTitle: against === "trials" ? "trial" : "seconds since the beginning", yTitle: scoreTitle(study) }, shades);
    const at = place(size);
    const n = trials.number.length;
    const radius = markSize(n);
    for (let row = 0; row < n; row++) {
      const found = at(row);
      if (found === null) continue;
      context.globalAlpha = chosen && !chosen[row] ? 0.08 : n > 300 ? 0.45 : 0.7;
      context.fillStyle = stateColour(trials.state[row], shades);
      mark(context, found[0], found[1], radius, trials.state[row]);
    }
    context.globalAlpha = 1;
    drawBest(context, best(trials, xs), x, y, box, shades.ink, 2);
  };
  const find = (x, y, size) => nearest(trials.number.length, place(size), x, y);
  return html`
    <${Card} title="History" help="history" controls=${controls}>
      <${Picture}
        height=${HEIGHT} draw=${draw} deps=${[trials, xs, chosen]} label=${said(study)}
        onPoint=${(x, y, size) => lines(study, find(x, y, size))}
        onPick=${(x, y, size) => pick(study, find(x, y, size))}
      />
      ${range.beyond > 0 && html`<p class="small">${count(range.beyond, "trial")} with worse scores ${range.beyond === 1 ? "lies" : "lie"} at the edge.</p>`}
    </${Card}>
  `;
}

export const scoreTitle = (study) => `${metricName(study.metric)} (${study.goal === "minimize" ? "smaller" : "larger"} is better)`;
export const lines = (study, row, names) => (row === null ? null : trialLines(study, row, names));
export const pick = (study, row) => row !== null && open(study.name, study.trials.number[row]);

// Steps of the best so far: [[x, value], ...], in the order of x.
export function best(trials, xs) {
  const rows = xs.map((_, row) => row).filter((row) => xs[row] !== null && trials.score[row] !== null);
  rows.sort((a, b) => xs[a] - xs[b]);
  let top = null;
  let rank = -Infinity;
  const steps = [];
  for (const row of rows) {
    if (trials.rank[row] <= rank) continue;
    rank = trials.rank[row];
    top = trials.score[row];
    steps.push([xs[row], top]);
  }
  return steps;
}

export function drawBest(context, steps, x, y, box, colour, width) {
  if (!steps.length) return;
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.beginPath();
  steps.forEach(([at, value], i) => {
    const height = Math.min(Math.max(y(value), box.top), box.bottom);
    if (i === 0) context.moveTo(x(at), height);
    else {
      context.lineTo(x(at), Math.min(Math.max(y(steps[i - 1][1]), box.top), box.bottom));
      context.lineTo(x(at), height);
    }
  });
  context.lineTo(box.right, Math.min(Math.max(y(steps.at(-1)[1]), box.top), box.bottom));
  context.stroke();
  context.lineWidth = 1;
}

// The best score of all; null where there is none.
export function topScore(trials) {
  const row = topRow(trials);
  return row < 0 ? null : trials.score[row];
}

// The row of the best trial, -1 where none has a score.
export function topRow({ rank, score }) {
  let top = -1;
  for (let row = 0; row < rank.length; row++) if (score[row] !== null && (top < 0 || rank[row] > rank[top])) top = row;
  return top;
}

function said(study) {
  const { trials } = study;
  const n = trials.number.length;
  const top = topScore(trials);
  return `${capital(metricName(study.metric))} of ${number(n)} trials; the best is ${scoreText(top)}.`;
}
