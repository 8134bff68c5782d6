// Timeline: when each trial began and ended, and how.

import { html, useMemo } from "./vendor/htm/standalone.module.js";
import { drawFrame, inside, linear, stateColour } from "./axes.js";
import { Card, Empty } from "./components.js";
import { count, duration, score as scoreText, words } from "./format.js";
import { lines, pick } from "./history.js";
import { Picture } from "./plot.js";

const LANE = 22;
const MOST = 420; // pixels of all lanes
const MARGIN = { left: 54, right: 14, top: 4, bottom: 36 };

export function Timeline({ study, chosen }) {
  const bars = useMemo(() => barsOf(study), [study.trials, study.repeats]);
  if (bars.length === 0) {
    return html`<${Card} title="Timeline" help="timeline"><${Empty}>No times are known of these trials.</${Empty}></${Card}>`;
  }
  const lanes = bars.reduce((most, bar) => Math.max(most, bar.slot), 0) + 1;
  const lane = Math.max(Math.min(LANE, MOST / lanes), 2);
  const height = Math.max(lanes * lane + MARGIN.top + MARGIN.bottom, 90);
  const now = Math.max(study.age ?? 0, bars.reduce((most, bar) => Math.max(most, bar.ended ?? bar.began), 0));
  const live = study.state === "running" && study.alive;
  const end = (bar) => bar.ended ?? (live ? now : bar.began);
  const scales = (size) => {
    const box = inside(size, MARGIN);
    return { box, x: linear(0, now || 1, box.left, box.right), top: (bar) => box.top + bar.slot * lane };
  };
  const draw = (context, size, shades) => {
    const { box, x, top } = scales(size);
    const names = Array.from({ length: lanes }, (_, k) => k).filter((k) => lane >= 12 || k % Math.ceil(14 / lane) === 0);
    const y = (k) => box.top + (k + 0.5) * lane;
    drawFrame(context, box, { x, y, xTitle: "seconds since the beginning", yTicks: [] }, shades);
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillStyle = shades.muted;
    for (const k of names) context.fillText(`lane ${k + 1}`, box.left - 7, y(k));
    for (const bar of bars) {
      const [left, right] = [x(bar.began), x(end(bar))];
      context.globalAlpha = chosen && !chosen[bar.row] ? 0.12 : bar.state === "stopped" ? 0.75 : 1;
      context.fillStyle = bar.repeat ? shades.sky : stateColour(bar.state, shades);
      context.fillRect(left, top(bar) + (lane > 8 ? 2 : 0), Math.max(right - left - (right - left > 3 ? 1 : 0), 0.6), lane > 8 ? lane - 4 : lane - 0.5);
    }
    context.globalAlpha = 1;
  };
  const find = (px, py, size) => {
    const { box, x } = scales(size);
    const slot = Math.floor((py - box.top) / lane);
    let [best, least] = [null, 4];
    for (const bar of bars) {
      if (bar.slot !== slot) continue;
      const [left, right] = [x(bar.began), x(end(bar))];
      const away = px < left ? left - px : px > right ? px - right : 0;
      if (away < least) [best, least] = [bar, away];
    }
    return best;
  };
  const told = (x, y, size) => {
    const bar = find(x, y, size);
    if (bar === null) return null;
    const time = `from ${duration(bar.began)} to ${bar.ended === null ? "now" : duration(bar.ended)}`;
    if (!bar.repeat) return [...lines(study, bar.row), time];
    return [`trial ${bar.trial}, trained again: repeat ${bar.repeat}`, ...(bar.score === null ? [] : [scoreText(bar.score)]), time];
  };
  const states = [...new Set(bars.filter((bar) => !bar.repeat).map((bar) => bar.state))];
  return html`
    <${Card} title="Timeline" help="timeline" wide=${!study.finals?.finalists.length}>
      <${Picture} height=${height} draw=${draw} deps=${[bars, chosen, study.age]} onPoint=${told}
        onPick=${(x, y, size) => pick(study, find(x, y, size)?.row ?? null)}
        label=${`${count(bars.length, "trial")} in ${count(lanes, "lane")}, by seconds`} />
      <p class="marks small">
        ${states.map((state) => html`<span class=${`state ${state}`}>${words(state)}</span>`)}
        ${bars.some((bar) => bar.repeat) && html`<span class="item"><span class="swatch again"></span> trained again</span>`}
      </p>
    </${Card}>
  `;
}

// The trainings whose times are known: of trials, and of the finalists again.
function barsOf({ trials, repeats }) {
  const bars = [];
  trials.number.forEach((trial, row) => {
    if (trials.began[row] === null || trials.slot[row] === null) return;
    bars.push({ row, trial, repeat: 0, began: trials.began[row], ended: trials.ended[row], slot: trials.slot[row], state: trials.state[row] });
  });
  repeats?.trial.forEach((trial, i) => {
    if (repeats.began[i] === null || repeats.slot[i] === null) return;
    const row = trials.number.indexOf(trial);
    bars.push({ row, trial, repeat: repeats.repeat[i], began: repeats.began[i], ended: repeats.ended[i], slot: repeats.slot[i], state: repeats.state[i], score: repeats.score[i] });
  });
  return bars;
}
