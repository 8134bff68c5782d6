// The list of a store's studies and runs.

import { html, useEffect, useMemo, useState } from "./vendor/htm/standalone.module.js";
import { Card, Empty, Name, Notice, State } from "./components.js";
import { explain } from "./help.js";
import { capital, count, duration, metric, number, score, when, words } from "./format.js";
import { useDocument } from "./state.js";

explain({
  studies: {
    title: "Studies",
    look: "The bar shows how the trials of a study ended: blue was trained to the end, grey was stopped early to save time.",
    more: ["A study tunes hyperparameters: it trains many trials, stops the poorer ones early and trains the best again."],
    document: "docs/search.md",
  },
  runs: {
    title: "Runs",
    look: "A run is one network that is nursed: open it to see its curves live and to turn its knobs.",
    document: "docs/babysit.md",
  },
});

export function StudiesPage() {
  const { document: found, trouble } = useDocument("studies");
  useEffect(() => {
    document.title = "Caviar: studies";
  }, []);
  if (!found) return html`<h1>Studies</h1><${Notice} trouble=${trouble} />${!trouble && html`<${Empty}>Reading the store ...</${Empty}>`}`;
  return html`
    <div class="title"><h1>Studies</h1><p class="small"><${Name} text=${found.store} long=${120} /></p></div>
    <${Notice} trouble=${trouble} />
    <${Studies} studies=${found.studies} />
    ${found.runs.length > 0 && html`<${Runs} runs=${found.runs} />`}
  `;
}

function Studies({ studies }) {
  const [wanted, setWanted] = useState("");
  const shown = useMemo(() => {
    const text = wanted.trim().toLowerCase();
    const found = text ? studies.filter((study) => study.name.toLowerCase().includes(text)) : studies;
    return [...found].sort((a, b) => (b.created ?? "").localeCompare(a.created ?? ""));
  }, [studies, wanted]);
  const controls = studies.length > 8 && html`
    <input type="search" placeholder="Find a study" aria-label="Find a study" value=${wanted} onInput=${(e) => setWanted(e.target.value)} />
  `;
  return html`
    <${Card} title=${count(studies.length, "study", "studies")} help="studies" wide controls=${controls}>
      ${studies.length === 0
        ? html`<${Empty}>No study yet. Start one: <code>caviar demo</code>, or <code>caviar tune flowers.csv --target species</code></${Empty}>`
        : html`
            <div class="scroll">
              <table class="list">
                <thead>
                  <tr><th>study</th><th>state</th><th class="n" title="On validation: trained again where the study did that, else in the search. The sealed test is on the page of the study.">best</th><th>trials</th><th class="n">time</th><th>data</th><th>begun</th></tr>
                </thead>
                <tbody>${shown.map((study) => html`<${StudyRow} key=${study.name} study=${study} />`)}</tbody>
              </table>
            </div>
          `}
      ${studies.length > 0 && shown.length === 0 && html`<${Empty}>No study has this in its name.</${Empty}>`}
    </${Card}>
  `;
}

function StudyRow({ study }) {
  const { data } = study;
  const best = study.best === null || study.best === undefined ? "none yet" : score(study.best);
  return html`
    <tr>
      <th scope="row"><a href=${`#/study/${encodeURIComponent(study.name)}`}><${Name} text=${study.name} /></a></th>
      <td><${State} state=${study.state} alive=${study.alive} /></td>
      <td class="n" title=${study.goal === "minimize" ? "smaller is better" : "larger is better"}>
        <strong>${best}</strong> <span class="small"><${Name} text=${metric(study.metric)} long=${24} /></span>
      </td>
      <td><${Outcomes} counts=${study.trials} /></td>
      <td class="n">${duration(study.worked)}</td>
      <td class="small">${data ? `${count(data.rows, "row")}, ${count(data.features, "feature")}${data.classes ? `, ${count(data.classes, "class", "classes")}` : ""}` : study.kind}</td>
      <td class="small">${when(study.created)}</td>
    </tr>
  `;
}

const STATES = ["finished", "running", "stopped", "interrupted", "diverged", "failed", "out_of_memory", "infeasible"];

// How the trials ended: a bar, and the number of all.
export function Outcomes({ counts }) {
  const all = STATES.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const parts = STATES.filter((state) => counts[state]);
  const text = parts.map((state) => `${number(counts[state])} ${words(state)}`).join(", ");
  return html`
    <span class="outcomes" title=${capital(text)}>
      <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=${text || "no trials"}>
        ${parts.map((state, i) => {
          const before = parts.slice(0, i).reduce((sum, each) => sum + counts[each], 0);
          return html`<rect class=${state} x=${(100 * before) / all} y="0" width=${(100 * counts[state]) / all} height="8" />`;
        })}
      </svg>
      ${number(all)}
    </span>
  `;
}

function Runs({ runs }) {
  return html`
    <${Card} title=${count(runs.length, "run")} help="runs" wide>
      <div class="scroll">
        <table class="list">
          <thead><tr><th>run</th><th>state</th><th class="n">best</th><th class="n">epoch</th><th>trains</th><th>branch of</th><th>begun</th></tr></thead>
          <tbody>
            ${runs.map(
              (run) => html`
                <tr key=${run.name}>
                  <th scope="row"><a href=${`#/run/${encodeURIComponent(run.name)}`}><${Name} text=${run.name} /></a></th>
                  <td><${State} state=${run.state} alive=${run.alive} /></td>
                  <td class="n">${run.best ? html`<strong>${score(run.best.value)}</strong> <span class="small"><${Name} text=${words(run.best.by)} long=${24} /></span>` : "none yet"}</td>
                  <td class="n">${number(run.epoch ?? 0)}${run.epochs ? ` of ${number(run.epochs)}` : ""}</td>
                  <td class="small">${run.trainee}</td>
                  <td class="small">${run.parent && html`<${Name} text=${run.parent} long=${30} />`}</td>
                  <td class="small">${when(run.created)}</td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    </${Card}>
  `;
}
