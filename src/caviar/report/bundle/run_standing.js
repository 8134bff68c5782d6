// Where a run stands.

import { html } from "./vendor/htm/standalone.module.js";
import { Facts } from "./components.js";
import { bytes, count, duration, number, score, words } from "./format.js";

export const over = (run) => ["finished", "stopped", "failed"].includes(run.state);

// The state in a word: the phase of a living run, or that it is paused.
export function shownState(run) {
  if (run.state !== "running" || !run.alive) return run.state;
  return run.progress.phase || (run.progress.paused ? "paused" : "running");
}

// Where the run stands, as facts beside one another.
export function Standing({ run }) {
  const { progress, best } = run;
  const done = progress.epoch || !progress.step ? `${number(progress.epoch)}${progress.epochs ? ` of ${number(progress.epochs)}` : ""}` : null;
  const rows = [
    done !== null && ["epochs", done],
    progress.step > 0 && ["steps", number(progress.step)],
    best && ["best", html`<strong>${score(best.value)}</strong> <span class="small">${words(best.by.slice(0, 40))}, ${best.epoch ? `epoch ${number(best.epoch)}` : `step ${number(best.step)}`}</span>`],
    best?.point.metric && best.point.metric !== best.by && best.point.score !== null && [words(best.point.metric.slice(0, 40)), score(best.point.score)],
    run.alive && progress.pace > 0 && ["pace", `${number(Math.round(progress.pace))} ${progress.unit.slice(0, 20)} a second`],
    run.alive && progress.seconds_left !== null && ["left", duration(progress.seconds_left)],
    progress.snapshots > 0 && ["snapshots", `${number(progress.snapshots)}, ${bytes(progress.snapshot_bytes)}`],
    progress.take > 0 && ["rollbacks", number(progress.take)],
  ];
  const share = progress.epochs && run.alive ? Math.min(progress.done / progress.epochs, 1) : null;
  return html`
    <div class="standing">
      <${Facts} rows=${rows} />
      ${share !== null && html`<progress max="1" value=${share} aria-label=${`${number(progress.done, 3)} of ${count(progress.epochs, "epoch")}`} />`}
    </div>
  `;
}
