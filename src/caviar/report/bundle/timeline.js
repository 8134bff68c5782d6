// Timeline: what each slot trained when, and how it ended.

import { html, useMemo } from "./vendor/htm/standalone.module.js";
import { drawFrame, inside, linear, stateColour } from "./axes.js";
import { Card, Empty } from "./components.js";
import { count, duration, words } from "./format.js";
import { lines, pick } from "./history.js";
import { Picture } from "./plot.js";

const LANE = 22;
const MOST = 420; // pixels of all lanes
const MARGIN = { left: 54, right: 14, top: 4, bottom: 36 };

export function Timeline({ study, chosen }) {
  const { trials } = study;
  const rows = useMemo(() => trials.number.map((_, row) => row).filter((row) => trials.began[row] !== null && trials.slot[row] !== null), [trials]);
  if (rows.length === 0) {
    return html`<${Card} title="Timeline" help="timeline"><${Empty}>No times are known of these trials.</${Empty}></${Card}>`;
  }
  const lanes = rows.reduce((most, row) => Math.max(most, trials.slot[row]), 0) + 1;
  const lane = Math.max(Math.min(LANE, MOST / lanes), 2);
  const height = Math.max(lanes * lane + MARGIN.top + MARGIN.bottom, 90);
  const now = Math.max(study.elapsed ?? 0, rows.reduce((most, row) => Math.max(most, trials.ended[row] ?? trials.began[row]), 0));
  const live = study.state === "running" && study.alive;
  const end = (row) => trials.ended[row] ?? (live ? now : trials.began[row]);
  const scales = (size) => {
    const box = inside(size, MARGIN);
    return { box, x: linear(0, now || 1, box.left, box.right), top: (row) => box.top + trials.slot[row] * lane };
  };
  const draw = (context, size, shades) => {
    const { box, x, top } = scales(size);
    const names = Array.from({ length: lanes }, (_, k) => k).filter((k) => lane >= 12 || k % Math.ceil(14 / lane) === 0);
    const y = (k) => box.top + (k + 0.5) * lane;
    drawFrame(context, box, { x, y, xTitle: "seconds since the beginning", yTicks: [] }, shades);
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillStyle = shades.muted;
    for (const k of names) context.fillText(`slot ${k + 1}`, box.left - 7, y(k));
    for (const row of rows) {
      const [left, right] = [x(trials.began[row]), x(end(row))];
      context.globalAlpha = chosen && !chosen[row] ? 0.12 : trials.state[row] === "stopped" ? 0.75 : 1;
      context.fillStyle = stateColour(trials.state[row], shades);
      context.fillRect(left, top(row) + (lane > 8 ? 2 : 0), Math.max(right - left - (right - left > 3 ? 1 : 0), 0.6), lane > 8 ? lane - 4 : lane - 0.5);
    }
    context.globalAlpha = 1;
  };
  const find = (px, py, size) => {
    const { box, x } = scales(size);
    const slot = Math.floor((py - box.top) / lane);
    let [best, least] = [null, 4];
    for (const row of rows) {
      if (trials.slot[row] !== slot) continue;
      const [left, right] = [x(trials.began[row]), x(end(row))];
      const away = px < left ? left - px : px > right ? px - right : 0;
      if (away < least) [best, least] = [row, away];
    }
    return best;
  };
  const told = (x, y, size) => {
    const row = find(x, y, size);
    if (row === null) return null;
    return [...lines(study, row), `from ${duration(trials.began[row])} to ${trials.ended[row] === null ? "now" : duration(trials.ended[row])}`];
  };
  const states = [...new Set(rows.map((row) => trials.state[row]))];
  return html`
    <${Card} title="Timeline" help="timeline">
      <${Picture} height=${height} draw=${draw} deps=${[trials, chosen, study.elapsed]} onPoint=${told}
        onPick=${(x, y, size) => pick(study, find(x, y, size))}
        label=${`${count(rows.length, "trial")} in ${count(lanes, "slot")}, by seconds`} />
      <p class="key small">${states.map((state) => html`<span class=${`state ${state}`}>${words(state)}</span>`)}</p>
    </${Card}>
  `;
}
