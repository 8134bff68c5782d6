// The page of a study.

import { html, useEffect, useMemo } from "./vendor/htm/standalone.module.js";
import { Answer } from "./answer.js";
import { scoreRange, scoreScale } from "./axes.js";
import { Boxes } from "./boxes.js";
import { Card, Empty, Facts, Name, Notice, State } from "./components.js";
import { Curves } from "./curves_picture.js";
import { Finals } from "./finals.js";
import { count, duration, metric as metricName, number, score as scoreText, when, words } from "./format.js";
import { History, topScore } from "./history.js";
import { Importance } from "./importance.js";
import { Parallel } from "./parallel.js";
import { Printed } from "./printed.js";
import { Retests, Verdict } from "./retests.js";
import { Rungs } from "./rungs.js";
import { chosenRows, selectionOf } from "./selection.js";
import { Slices } from "./slices.js";
import { StudyActs } from "./study_acts.js";
import "./study_help.js";
import { isReport, load, source, use, useDocument } from "./state.js";
import { Outcomes } from "./studies.js";
import { Timeline } from "./timeline.js";
import { Trial } from "./trial.js";
import { TrialsTable } from "./trials_table.js";

export function StudyPage({ name, trial }) {
  const { document: study, trouble, gone } = useDocument(`studies/${encodeURIComponent(name)}`);
  useEffect(() => {
    document.title = `${name.slice(0, 80)}: Caviar`;
  }, [name]);
  if (!study) {
    return html`
      <h1><${Name} text=${name} /></h1>
      <${Notice} trouble=${trouble} />
      ${!trouble && html`<${Empty}>Reading the study ...</${Empty}>`}
    `;
  }
  return html`
    <${Head} study=${study} />
    ${gone ? html`<${Notice} trouble=${{ rule: "This study was deleted.", way_out: "The page shows what it was." }} />` : html`<${Notice} trouble=${trouble} />`}
    <${Body} study=${study} opened=${trial === undefined ? null : Number(trial)} />
    <${Printed} path=${`studies/${encodeURIComponent(name)}`} of=${study} />
  `;
}

function Head({ study }) {
  const sealed = study.answer?.test?.[study.metric] ?? null;
  const n = study.trials.number.length;
  const budget = study.budget ?? {};
  return html`
    <div class="title">
      <h1><${Name} text=${study.name} long=${120} /></h1>
      <${State} state=${study.state} alive=${study.alive} />
      ${study.state === "running" && study.alive && study.phase && study.phase !== "search" && html`<span class="small">${words(study.phase)}</span>`}
    </div>
    <div class="head">
      <${Facts} rows=${[
        [sealed === null ? `best ${metricName(study.metric)}` : `${metricName(study.metric)}, sealed test`, html`<span class="big">${scoreText(sealed ?? topScore(study.trials))}</span>`],
        ["trials", n ? html`<${Outcomes} counts=${study.counts} />` : "none yet"],
        ["time", html`${duration(study.worked)}${budget.seconds ? html` <span class="small">of ${duration(budget.seconds)}</span>` : ""}${budget.trials ? html` <span class="small">for ${count(budget.trials, "trial")}</span>` : ""}`],
        ["search", html`<${Name} text=${words(study.search)} long=${40} />`],
        study.data && ["data", `${count(study.data.rows, "row")}, ${count(study.data.features, "feature")}${study.data.classes ? `, ${count(study.data.classes, "class", "classes")}` : ""}`],
        ["begun", html`<span title=${`seed ${study.seed}`}>${when(study.created)}</span>`],
      ]} />
      <div class="acts">
        ${study.writes && !isReport && html`<${StudyActs} study=${study} />`}
        ${!isReport && html`<${CompareWith} study=${study} />`}
      </div>
    </div>
  `;
}

// The names of the other studies are asked for when somebody wants them: a store may have thousands.
function CompareWith({ study }) {
  const list = source("studies");
  const studies = use(list.document)?.studies ?? [];
  const go = (event) => {
    if (event.target.value) location.hash = `#/compare/${encodeURIComponent(study.name)}/${encodeURIComponent(event.target.value)}`;
  };
  return html`
    <span class="comparing">
      <select onChange=${go} onFocus=${() => load(list)} onPointerDown=${() => studies.length || load(list)} aria-label="Compare with another study">
        <option value="">Compare with ...</option>
        ${studies.filter((each) => each.name !== study.name).map((each) => html`<option key=${each.name} value=${each.name}>${each.name.slice(0, 60)}</option>`)}
      </select>
    </span>
  `;
}

const PARTS = [["verdict", "Verdict"], ["answer", "Answer"], ["retests", "Tested again"], ["history", "History"], ["curves", "Curves"], ["rungs", "Rungs"], ["importance", "Importance"], ["finals", "Finals"], ["timeline", "Timeline"], ["slices", "Slices"], ["boxes", "Boxes"], ["parallel", "Parallel"], ["trials", "Trials"]];

function Body({ study, opened }) {
  const selection = selectionOf(study.name);
  const brushes = use(selection.brushes);
  const filter = use(selection.filter);
  const place = useMemo(() => placeOf(study), [study.trials]);
  const chosen = useMemo(() => chosenRows(study.trials, brushes, filter, place), [study.trials, brushes, filter]);
  if (study.trials.number.length === 0) {
    return html`<${Card} title="No trial yet"><${Empty}>${study.state === "running" && study.alive ? "The first trial is about to begin; this page follows." : "No trial has begun in this study."}</${Empty}></${Card}><${Notes} study=${study} />${opened !== null && html`<${Trial} study=${study} number=${opened} />`}`;
  }
  const shown = { study, chosen, selection, place, opened };
  const go = (id) => (event) => {
    event.preventDefault();
    document.getElementById(id)?.scrollIntoView({ behavior: "smooth" });
  };
  const there = {
    answer: study.answer,
    retests: study.retests?.length,
    verdict: study.retest,
    boxes: study.boxes?.length || study.search === "coarse_to_fine" || study.remarks?.length,
    finals: study.finals?.finalists.length,
  };
  const parts = PARTS.filter(([id]) => !(id in there) || there[id]);
  return html`
    <nav class="parts" aria-label="Parts of this page">${parts.map(([id, text]) => html`<a key=${id} href=${`#${id}`} onClick=${go(id)}>${text}</a>`)}</nav>
    ${study.left_out > 0 && html`<${Notice} kind="said"><p>${leftOut(study)}</p></${Notice}>`}
    ${chosen && html`<${Meant} chosen=${chosen} selection=${selection} />`}
    <div class="cards">
      <${Verdict} study=${study} />
      <${Answer} ...${shown} />
      <${Retests} study=${study} />
      <${History} ...${shown} />
      <${Curves} ...${shown} />
      <${Rungs} ...${shown} />
      <${Importance} ...${shown} />
      <${Finals} ...${shown} />
      <${Timeline} ...${shown} />
      <${Slices} ...${shown} />
      <${Boxes} ...${shown} />
      <${Parallel} ...${shown} />
      <${TrialsTable} ...${shown} />
    </div>
    <${Notes} study=${study} />
    ${opened !== null && html`<${Trial} study=${study} number=${opened} />`}
  `;
}

const leftOut = ({ trials, left_out: left }) =>
  `Pictures and table have ${number(trials.number.length)} of ${count(trials.number.length + left, "trial")}: the best, those that failed, and others by lot. ${number(left)} are left out, which counts, rungs, curves and importance have. The dashboard and caviar trials --csv have all.`;

function Meant({ chosen, selection }) {
  const n = chosen.reduce((sum, one) => sum + one, 0);
  const clear = () => {
    selection.brushes.value = {};
    selection.filter.value = "";
  };
  return html`<p class="meant" role="status">${count(n, "trial")} of ${number(chosen.length)} chosen; the others are faded. <button type="button" onClick=${clear}>Show all</button></p>`;
}

function Notes({ study }) {
  const advice = study.advice ?? [];
  const notes = study.notes ?? [];
  const asked = study.interventions ?? [];
  const spaces = study.spaces ?? [];
  if (!advice.length && !notes.length && !asked.length && !spaces.length) return null;
  return html`
    <div class="cards">
      ${advice.length > 0 && html`<${Card} title="Advice" help="advice"><ul>${advice.map((text) => html`<li key=${text}><${Name} text=${text} long=${1000} /></li>`)}</ul>${study.proposed && html`<p class="small">To go on so: <code><${Name} text=${study.proposed} long=${1000} /></code></p>`}</${Card}>`}
      ${spaces.length > 0 && html`<${Card} title="The space" help="space"><ol class="diary">${spaces.map((one, i) => html`<${Change} key=${i} one=${one} />`)}</ol><p class="small">${outsideOf(study)}</p></${Card}>`}
      ${asked.length > 0 && html`<${Card} title="Asked of this study" help="asked"><ol class="diary">${asked.map((one) => html`<${Asked} key=${one.number} one=${one} />`)}</ol></${Card}>`}
      ${notes.length > 0 && html`<${Card} title="Notes" help="notes"><ul>${notes.map((text) => html`<li key=${text}><${Name} text=${text} long=${1000} /></li>`)}</ul></${Card}>`}
    </div>
  `;
}

function Change({ one }) {
  return html`
    <li class="line">
      <span class="small place">from trial ${number(one.first_trial)}</span>
      <span class="what">
        ${one.changes.map((text) => html`<div key=${text}><${Name} text=${text} long=${400} /></div>`)}
        <span class="small">${when(one.written)}, <${Name} text=${`${one.who}${one.because ? `, because ${one.because}` : ""}`} long=${400} /></span>
      </span>
    </li>
  `;
}

function outsideOf({ trials }) {
  const n = trials.outside.filter(Boolean).length;
  return n ? `${number(n)} of ${count(trials.number.length, "trial")} ${n === 1 ? "lies" : "lie"} outside of today's space: kept, but not counted.` : "All trials lie in today's space.";
}

function Asked({ one }) {
  const wanted = Object.entries(one.arguments.config ?? one.arguments).map(([name, value]) => `${name} ${value}`).join(", ");
  return html`
    <li class="line">
      <span class="small place">${when(one.written)}</span>
      <span class="what">
        <strong><${Name} text=${one.who} long=${30} /></strong>${" "}
        <${Name} text=${`${one.kind} ${wanted}${one.because ? `, because ${one.because}` : ""}: ${one.state}${one.outcome ? `, ${one.outcome}` : ""}`} long=${600} />
      </span>
    </li>
  `;
}

// row -> the place of its score on the axis of scores, 0 to 1, or null.
function placeOf(study) {
  const range = scoreRange(study.trials.score, study.goal);
  if (range === null) return () => null;
  const scale = scoreScale(range, 0, 1);
  return (row) => {
    const score = study.trials.score[row];
    return score === null ? null : Math.min(Math.max(scale(score), 0), 1);
  };
}
