// Parallel coordinates: a line a trial through all scales; ranges brushed on an axis choose trials on the whole page.

import { html, useMemo, useRef, useState } from "./vendor/htm/standalone.module.js";
import { line, scoreRange, scoreScale } from "./axes.js";
import { Broken, Card, Empty } from "./components.js";
import { number } from "./format.js";
import { scoreTitle } from "./history.js";
import { Picture, viridis } from "./plot.js";
import { searched } from "./slices.js";
import { use } from "./state.js";

const HEIGHT = 340;
const TOP = 14;
const BOTTOM = HEIGHT - 14;
const STEP = 0.05;

export function Parallel({ study, selection, chosen, place }) {
  const brushes = use(selection.brushes);
  const { trials } = study;
  const range = useMemo(() => scoreRange(trials.score, study.goal), [trials]);
  const ordered = useMemo(() => trials.number.map((_, row) => row).filter((row) => trials.score[row] !== null).sort((a, b) => trials.rank[a] - trials.rank[b]), [trials]);
  const own = searched(study);
  if (range === null || own.length === 0) {
    return html`<${Card} title="Parallel coordinates" help="parallel" wide><${Empty}>No trial has a score yet.</${Empty}></${Card}>`;
  }
  const scoreTicks = scoreScale(range, 0, 1).ticks(5).map(([value, text]) => [scoreScale(range, 0, 1)(value), text]);
  const axes = [...own, { name: "score", title: study.metric, ticks: scoreTicks.filter(([u]) => u >= 0 && u <= 1) }];
  const valueOf = (axis, row) => (axis.name === "score" && axis.title ? place(row) : trials.u[axis.name]?.[row]);
  const xOf = (k, width) => 44 + (k * (width - 88)) / Math.max(axes.length - 1, 1);
  const y = (u) => BOTTOM - u * (BOTTOM - TOP);
  const draw = (context, { width }, shades) => {
    const xs = axes.map((_, k) => xOf(k, width));
    const n = chosen ? chosen.reduce((sum, one) => sum + one, 0) : ordered.length;
    const alpha = Math.min(Math.max(8 / Math.sqrt(n || 1), 0.06), 0.7); // the more lines, the lighter each
    context.lineWidth = n > 500 ? 1 : 1.4;
    const path = (row) => {
      context.beginPath();
      let pen = false;
      axes.forEach((axis, k) => {
        const u = valueOf(axis, row);
        if (u === null || u === undefined) {
          pen = false; // this trial has no such hyperparameter
        } else if (pen) context.lineTo(xs[k], y(u));
        else {
          context.moveTo(xs[k], y(u));
          pen = true;
        }
      });
      context.stroke();
    };
    if (chosen) {
      context.strokeStyle = shades.grey;
      context.globalAlpha = Math.min(2 / Math.sqrt(ordered.length), 0.2);
      for (const row of ordered) if (!chosen[row]) path(row);
    }
    for (const row of ordered) {
      if (chosen && !chosen[row]) continue;
      const rank = trials.rank[row];
      context.strokeStyle = viridis(shades.dark ? 0.15 + 0.85 * rank : 0.92 * rank);
      context.globalAlpha = Math.min(alpha * (0.4 + 0.9 * rank), 1);
      path(row);
    }
    context.globalAlpha = 1;
    context.lineWidth = 1;
    axes.forEach((axis, k) => drawAxis(context, axis, xs[k], y, shades));
  };
  const wide = 68 * axes.length; // the sixteen of a table fit beside the score in 1280
  const at = (k) => (element) => element?.style.setProperty("--at", String(k / Math.max(axes.length - 1, 1)));
  const clear = Object.keys(brushes).length > 0 && html`<button type="button" onClick=${() => (selection.brushes.value = {})}>Clear the ranges</button>`;
  return html`
    <${Card} title="Parallel coordinates" help="parallel" wide controls=${clear}>
      <div class="scroll">
        <div class="parallel" ref=${(element) => element?.style.setProperty("--least", `${wide}px`)}>
          <div class="heads">
            ${axes.map((axis, k) => html`<span key=${axis.name} ref=${at(k)} title=${axis.title ? scoreTitle(study) : axis.name}><${Broken} text=${axis.title ?? axis.name} long=${30} /></span>`)}
          </div>
          <${Picture} height=${HEIGHT} draw=${draw} deps=${[trials, chosen]} label=${`${number(ordered.length)} trials as lines through ${axes.length} scales`} />
          <div class="brushes">
            ${axes.map((axis, k) => html`<${Brush} key=${axis.name} axis=${axis} k=${k} of=${axes.length} selection=${selection} range=${brushes[axis.name]} y=${y} />`)}
          </div>
        </div>
      </div>
    </${Card}>
  `;
}

function drawAxis(context, axis, x, y, shades) {
  context.strokeStyle = shades.strong;
  line(context, x, y(0), x, y(1));
  context.textBaseline = "middle";
  context.textAlign = "left";
  for (const [u, text] of axis.ticks) {
    line(context, x - 3, y(u), x + 3, y(u));
    const short = text.length > 9 ? `${text.slice(0, 8)}…` : text;
    context.lineWidth = 3;
    context.strokeStyle = shades.card;
    context.globalAlpha = 0.85;
    context.strokeText(short, x + 6, y(u));
    context.globalAlpha = 1;
    context.fillStyle = shades.ink;
    context.fillText(short, x + 6, y(u));
    context.lineWidth = 1;
    context.strokeStyle = shades.strong;
  }
}

// The place on an axis where a range is dragged, or moved with the arrow keys.
function Brush({ axis, k, of, selection, range, y }) {
  const [from, setFrom] = useState(null);
  const place = useRef(null);
  const set = (next) => {
    const { [axis.name]: _, ...others } = selection.brushes.value;
    selection.brushes.value = next ? { ...others, [axis.name]: next } : others;
  };
  const uOf = (event) => {
    const top = place.current.getBoundingClientRect().top;
    return Math.min(Math.max((BOTTOM - (event.clientY - top)) / (BOTTOM - TOP), 0), 1);
  };
  const down = (event) => {
    place.current.setPointerCapture(event.pointerId);
    setFrom(uOf(event));
  };
  const move = (event) => {
    if (from === null) return;
    const to = uOf(event);
    if (Math.abs(to - from) > 0.015) set([Math.min(from, to) - 0.001, Math.max(from, to) + 0.001]);
  };
  const up = (event) => {
    if (from !== null && Math.abs(uOf(event) - from) <= 0.015) set(null);
    setFrom(null);
  };
  const key = (event) => {
    const [low, high] = range ?? [0, 1];
    const moved = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    if (moved) {
      event.preventDefault();
      if (event.shiftKey) set([low, Math.min(Math.max(high + moved, low + STEP), 1.001)]);
      else if (!range) set(moved > 0 ? [0.5, 1.001] : [-0.001, 0.5]);
      else if (low + moved >= -0.06 && high + moved <= 1.06) set([low + moved, high + moved]);
    } else if (event.key === "Delete" || event.key === "Backspace" || event.key === "Escape") {
      event.preventDefault();
      set(null);
    }
  };
  const band = (element) => {
    if (!element) return;
    element.style.top = `${y(Math.min(range[1], 1))}px`;
    element.style.height = `${y(Math.max(range[0], 0)) - y(Math.min(range[1], 1))}px`;
  };
  const put = (element) => {
    place.current = element;
    element?.style.setProperty("--at", String(k / Math.max(of - 1, 1)));
  };
  const name = axis.title ?? axis.name;
  const text = range ? `${name}: a range is chosen` : `${name}: all`;
  return html`
    <div class="brush" ref=${put} tabindex="0" role="slider" aria-orientation="vertical" aria-label=${name.slice(0, 200)}
      aria-valuemin="0" aria-valuemax="1" aria-valuenow=${range ? ((range[0] + range[1]) / 2).toFixed(2) : "0.50"} aria-valuetext=${text.slice(0, 220)}
      onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${() => setFrom(null)} onKeyDown=${key}>
      ${range && html`<span class="band" ref=${band}></span>`}
    </div>
  `;
}
