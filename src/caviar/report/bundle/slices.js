// Slices: one small plot a hyperparameter on its true scale, by tier.

import { html, useMemo } from "./vendor/htm/standalone.module.js";
import { drawFrame, inside, mark, markSize, nearest, scoreRange, scoreScale, unit } from "./axes.js";
import { Card, Empty, Key, Name } from "./components.js";
import { words } from "./format.js";
import { lines, pick, scoreTitle } from "./history.js";
import { Picture } from "./plot.js";

const HEIGHT = 190;
const MARGIN = { left: 50, right: 14, top: 8, bottom: 26 };
const SCALES = { log: "log scale", one_minus_log: "log scale of 1 - value", power_of_two: "powers of two", linear: "linear", choices: "choices" };

// Those that the search varies, in the order of tiers, those without one last.
export const searched = (study) =>
  study.hyperparameters.filter((each) => each.searched).sort((a, b) => (a.tier ?? 9) - (b.tier ?? 9));

export function Slices({ study, chosen }) {
  const range = useMemo(() => scoreRange(study.trials.score, study.goal), [study.trials]);
  const axes = searched(study);
  if (range === null || axes.length === 0) {
    return html`<${Card} title="Slices" help="slices" wide><${Empty}>No trial has a score yet.</${Empty}></${Card}>`;
  }
  const deepest = study.trials.epochs.reduce((most, n) => Math.max(most, n ?? 0), 0); // 0: they count no epochs
  return html`
    <${Card} title="Slices: one hyperparameter at a time" help="slices" wide>
      <${Key} items=${[deepest > 0 && ["few", "stopped after few epochs"], deepest > 0 && ["many", "trained long"], winner(study) !== null && ["ring", "chosen"]]}><span>${scoreTitle(study)}</span></${Key}>
      <div class="slices">
        ${axes.map((axis) => html`<${Slice} key=${axis.name} study=${study} axis=${axis} range=${range} chosen=${chosen} deepest=${deepest} />`)}
      </div>
    </${Card}>
  `;
}

export function winner(study) {
  return study.answer?.trial ?? study.finals?.winner ?? null;
}

function Slice({ study, axis, range, chosen, deepest }) {
  const { trials } = study;
  const u = trials.u[axis.name] ?? [];
  const shift = (row) => (axis.choices ? spread(trials.number[row]) * 0.5 * gap(axis) : 0);
  const scales = (size) => {
    const box = inside(size, MARGIN);
    return { box, x: unit(axis.ticks, box.left + 6, box.right - 6), y: scoreScale(range, box.bottom, box.top) };
  };
  const place = (size) => {
    const { box, x, y } = scales(size);
    return (row) => {
      if (u[row] === null || u[row] === undefined || trials.score[row] === null) return null;
      return [x(u[row] + shift(row)), Math.min(Math.max(y(trials.score[row]), box.top), box.bottom)];
    };
  };
  const draw = (context, size, shades) => {
    const { box, x, y } = scales(size);
    drawFrame(context, box, { x, y }, shades);
    const at = place(size);
    const n = trials.number.length;
    const radius = markSize(n);
    const deep = Math.log1p(deepest);
    const best = winner(study);
    let ring = null;
    for (let row = 0; row < n; row++) {
      const found = at(row);
      if (found === null) continue;
      if (trials.number[row] === best) ring = found;
      const share = deepest ? Math.log1p(trials.epochs[row] ?? 0) / deep : 1;
      context.globalAlpha = chosen && !chosen[row] ? 0.06 : 0.3 + 0.6 * share;
      context.fillStyle = share > 0.8 ? shades.blue : share > 0.45 ? shades.sky : shades.grey;
      mark(context, found[0], found[1], radius, "");
    }
    context.globalAlpha = 1;
    if (ring) {
      context.strokeStyle = shades.orange;
      context.lineWidth = 2.5;
      context.beginPath();
      context.arc(ring[0], ring[1], 6, 0, 2 * Math.PI);
      context.stroke();
    }
  };
  const find = (x, y, size) => nearest(trials.number.length, place(size), x, y);
  const label = `${words(study.metric)} against ${axis.name}, ${SCALES[axis.scale] ?? words(axis.scale)}`;
  return html`
    <figure>
      <figcaption>
        <strong><${Name} text=${axis.name} long=${40} /></strong>
        <span class="small"> ${SCALES[axis.scale] ?? words(axis.scale)}${axis.tier ? `, tier ${axis.tier}` : ""}</span>
      </figcaption>
      <${Picture}
        height=${HEIGHT} draw=${draw} deps=${[trials, chosen, study.answer]} label=${label}
        onPoint=${(x, y, size) => lines(study, find(x, y, size), [axis.name])}
        onPick=${(x, y, size) => pick(study, find(x, y, size))}
      />
    </figure>
  `;
}

// Trials of one choice would lie on one line: they are spread by their number, always in the same way.
const spread = (number) => ((number * 0.618034) % 1) - 0.5;
const gap = (axis) => 1 / Math.max(axis.ticks.length, 2);
