// Rungs: how many trials came to each, how many were stopped there and by which rule, and what that saved.

import { html } from "./vendor/htm/standalone.module.js";
import { Card, Empty } from "./components.js";
import { capital, count, number } from "./format.js";

export function Rungs({ study, selection }) {
  const rungs = study.rungs ?? [];
  if (!rungs.some((rung) => rung.reached)) {
    return html`<${Card} title="Who was stopped where" help="rungs"><${Empty}>${study.early_ends ? study.early_ends : rungs.length ? "No trial has come to a rung yet." : "This study has no rungs, numbers of epochs at which trials are compared."}</${Empty}></${Card}>`;
  }
  const rules = new Set(rungs.filter((rung) => rung.stopped > 0 && rung.rule).map((rung) => rung.rule));
  const most = Math.max(...rungs.map((rung) => rung.reached));
  const saved = rungs.reduce((sum, rung) => sum + (rung.saved_epochs ?? 0), 0);
  const whole = study.whole_training;
  const spent = study.epochs_trained;
  return html`
    <${Card} title="Who was stopped where" help="rungs">
      ${study.early_ends && html`<p>${study.early_ends}</p>`}
      ${rules.size === 1 && html`<p>${capital([...rules][0])}.</p>`}
      <ol class="rungs">
        ${rungs.map((rung, i) => html`<${Rung} key=${rung.epochs} rung=${rung} most=${most} last=${i === rungs.length - 1} rule=${rules.size > 1} live=${study.state === "running" && study.alive} selection=${selection} />`)}
      </ol>
      ${saved > 0 &&
      html`<p><strong>Stopping saved ${count(saved, "epoch")}</strong>, as much as training ${count(Math.round(saved / whole), "trial")} to the end; ${count(spent, "epoch")} ${spent === 1 ? "was" : "were"} trained.</p>`}
    </${Card}>
  `;
}

function Rung({ rung, most, last, rule, live, selection }) {
  const width = (n) => `${(100 * n) / most}`;
  const waiting = Math.max(rung.reached - rung.stopped - rung.ended - rung.went_on, 0);
  const show = () => (selection.filter.value = `epochs=${rung.epochs} state:stopped`);
  const parts = [["went", rung.went_on], ["ended", rung.ended], [live ? "waiting" : "otherwise", waiting], ["stopped", rung.stopped]];
  let before = 0;
  return html`
    <li>
      <span class="at"><strong>${number(rung.epochs)}</strong> <span class="small">${rung.epochs === 1 ? "epoch" : "epochs"}</span></span>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=${`${number(rung.reached)} trials came to ${number(rung.epochs)} epochs`}>
        ${parts.map(([kind, n]) => {
          const from = before;
          before += n;
          return n > 0 && html`<rect class=${kind} x=${width(from)} width=${width(n)} y="0" height="10" />`;
        })}
      </svg>
      <span class="said">
        ${count(rung.reached, "trial")}${rung.went_on > 0 && `, ${number(rung.went_on)} went on`}${rung.ended > 0 && `, ${number(rung.ended)} ${last ? "trained to the end" : "ended by themselves"}`}${waiting > 0 && `, ${count(waiting, "other")} (${live ? "waiting, " : ""}interrupted, diverged or failed)`}${rung.stopped > 0 &&
        html`, <button type="button" class="link" onClick=${show} title="Show them in the table">${number(rung.stopped)} stopped</button>`}
        ${rung.stopped > 0 && html`<span class="small">${rule ? `${capital(rung.rule)}. ` : ""}${rung.saved_epochs ? `Saved ${count(rung.saved_epochs, "epoch")}.` : ""}</span>`}
      </span>
    </li>
  `;
}
