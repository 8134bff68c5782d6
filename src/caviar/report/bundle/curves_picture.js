// Learning curves: the density of all as a heat map, the best and the chosen ones as lines.

import { html, useMemo, useState } from "./vendor/htm/standalone.module.js";
import { drawFrame, inside, linear, logarithmic, nearest } from "./axes.js";
import { Card, Choice, Empty, Key } from "./components.js";
import { count, number, score as scoreText } from "./format.js";
import { pick, scoreTitle } from "./history.js";
import { Picture } from "./plot.js";
import { winner } from "./slices.js";

const HEIGHT = 270;

export function Curves({ study, opened }) {
  const { curves } = study;
  const lines = useMemo(() => (curves?.lines ?? []).filter((line) => line.epochs.length > 0), [curves]);
  const long = curves ? Math.max(0, ...curves.epochs, ...lines.map((line) => line.epochs.at(-1))) : 0;
  const [scale, setScale] = useState(null);
  const used = scale ?? (long > 20 ? "log" : "linear");
  if (!curves || (lines.length === 0 && curves.density.length === 0)) {
    return html`<${Card} title="Learning curves" help="curves"><${Empty}>No trial has measured an epoch.</${Empty}></${Card}>`;
  }
  const ends = rangeOf(curves, lines, study.goal);
  const won = winner(study) ?? study.chosen?.[0] ?? null;
  const others = lines.some((line) => line.chosen && line.trial !== won);
  const scales = (size) => {
    const box = inside(size);
    const x = used === "log" ? logarithmic(1, Math.max(long, 2), box.left, box.right) : linear(0, Math.max(long, 2), box.left, box.right, true);
    return { box, x, y: linear(ends[0], ends[1], box.bottom, box.top) };
  };
  const draw = (context, size, shades) => {
    const { box, x, y } = scales(size);
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    context.clip();
    drawDensity(context, curves, x, y, box, shades);
    context.restore();
    drawFrame(context, box, { x, y, xTitle: used === "log" ? "epoch (log scale)" : "epoch", yTitle: scoreTitle(study) }, shades);
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.right - box.left + 3, box.bottom - box.top);
    context.clip();
    for (const line of [...lines].sort((a, b) => weight(a, won, opened) - weight(b, won, opened))) {
      const strong = line.trial === won || line.trial === opened;
      context.strokeStyle = line.trial === opened ? shades.vermilion : line.chosen ? shades.orange : shades.ink;
      context.globalAlpha = strong ? 1 : line.chosen ? 0.6 : 0.35;
      context.lineWidth = strong ? 2.5 : 1;
      drawCurve(context, line, x, y);
    }
    context.restore();
  };
  const find = (px, py, size) => {
    const { x, y } = scales(size);
    const points = lines.flatMap((line) => line.epochs.map((epoch, i) => [line, epoch, line.scores[i]]));
    const found = nearest(points.length, (k) => (points[k][2] === null ? null : [x(points[k][1]), y(points[k][2])]), px, py);
    return found === null ? null : points[found];
  };
  const told = (px, py, size) => {
    const found = find(px, py, size);
    if (found) return [`trial ${found[0].trial}${found[0].trial === won ? ", the chosen one" : found[0].chosen ? ", a finalist" : ""}`, `epoch ${number(found[1])}: ${scoreText(found[2])}`];
    const { x, y } = scales(size);
    const n = densityAt(curves, x.invert(px), y.invert(py));
    return n ? [`${count(n, "measurement")} of trials here`] : null;
  };
  const controls = long > 2 && html`<${Choice} label="Scale of epochs" value=${used} onChange=${setScale} choices=${[["log", "log epochs"], ["linear", "linear"]]} />`;
  const label = `Learning curves of ${count(curves.of, "trial")}; ${count(lines.length, "line")} of the best.`;
  return html`
    <${Card} title="Learning curves" help="curves" controls=${controls}>
      <${Picture} height=${HEIGHT} draw=${draw} deps=${[curves, used, opened]} label=${label} onPoint=${told}
        onPick=${(x, y, size) => {
          const found = find(x, y, size);
          if (found) pick(study, study.trials.number.indexOf(found[0].trial));
        }} />
      <${Key} items=${[["density", `${count(curves.of, "trial")}: the stronger, the more`], ["thin", `the best ${number(lines.length)}`], lines.some((line) => line.trial === won) && ["chosen", "the chosen one"], others && ["finalist", "other finalists"]]} />
    </${Card}>
  `;
}

const weight = (line, won, opened) => (line.trial === opened ? 3 : line.trial === won ? 2 : line.chosen ? 1 : 0);

export function drawCurve(context, { epochs, scores }, x, y) {
  context.beginPath();
  let pen = false;
  epochs.forEach((epoch, i) => {
    if (scores[i] === null) {
      pen = false;
    } else if (pen) {
      context.lineTo(x(epoch), y(scores[i]));
    } else {
      context.moveTo(x(epoch), y(scores[i]));
      pen = true;
    }
  });
  if (epochs.length === 1 && scores[0] !== null) context.arc(x(epochs[0]), y(scores[0]), 2, 0, 2 * Math.PI);
  context.stroke();
}

// The scores that the picture shows: all but the worst twentieth of the measurements, and the end of every line.
function rangeOf(curves, lines, goal) {
  const mass = curves.scores.slice(1).map((_, k) => curves.density.reduce((sum, row) => sum + (row[k] ?? 0), 0));
  const all = mass.reduce((sum, n) => sum + n, 0);
  let [first, last] = [mass.findIndex((n) => n > 0), mass.findLastIndex((n) => n > 0)];
  const worst = () => (goal === "minimize" ? mass[last] : mass[first]);
  for (let left = all * 0.05; first < last && worst() <= left; ) {
    left -= worst();
    if (goal === "minimize") last -= 1;
    else first += 1;
  }
  let [low, high] = all ? [curves.scores[first], curves.scores[last + 1]] : [Infinity, -Infinity];
  for (const line of lines) {
    for (const score of line.scores) {
      if (score === null) continue;
      [low, high] = goal === "minimize" ? [Math.min(low, score), Math.max(high, line.scores.at(-1) ?? high)] : [Math.min(low, line.scores.at(-1) ?? low), Math.max(high, score)];
    }
  }
  if (low > high) return [0, 1];
  const room = (high - low) * 0.03 || 0.01;
  return [low - room, high + room];
}

function drawDensity(context, { epochs, scores, density }, x, y, box, shades) {
  const most = Math.max(1, ...density.flat());
  context.fillStyle = shades.blue;
  density.forEach((row, i) => {
    const [left, right] = [Math.max(x(Math.max(epochs[i], 1e-9)), box.left), Math.min(x(epochs[i + 1]), box.right)];
    row.forEach((n, k) => {
      if (!n) return;
      context.globalAlpha = 0.06 + 0.6 * (Math.log1p(n) / Math.log1p(most)); // by its logarithm: one curve is seen too
      const [top, bottom] = [y(scores[k + 1]), y(scores[k])];
      context.fillRect(left, top, Math.max(right - left, 1) + 0.4, bottom - top + 0.4);
    });
  });
  context.globalAlpha = 1;
}

function densityAt({ epochs, scores, density }, epoch, value) {
  const i = epochs.findIndex((edge, k) => k + 1 < epochs.length && epoch >= edge && epoch < epochs[k + 1]);
  const k = scores.findIndex((edge, j) => j + 1 < scores.length && value >= edge && value < scores[j + 1]);
  return density[i]?.[k] ?? 0;
}
