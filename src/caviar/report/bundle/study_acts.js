// Acts on a study: stop it, give it more, resume it, enqueue a config. The server refuses what the commands refuse.

import { html, useState } from "./vendor/htm/standalone.module.js";
import { Act, Notice } from "./components.js";
import { topRow } from "./history.js";
import { act } from "./state.js";
import { searched, winner } from "./slices.js";

const BECAUSE = { name: " because", label: "Reason, for the record", autocomplete: "off", placeholder: "may be left out" };
const MORE = [
  { name: "seconds", label: "Seconds more", type: "number", min: "0", step: "any", inputmode: "decimal" },
  { name: "trials", label: "Trials more", type: "number", min: "1", step: "1", inputmode: "numeric" },
];
const SAID = {
  stop: "Its search ends, and it has its answer. A second stop ends it at once; all is saved.",
  stopRepeating: "Its search ends, the best trials are trained again, and it has its answer. A second stop ends it at once; all is saved.",
  extend: "The study goes on for so many seconds, or trials, more.",
  resume: "The study goes on where it ended, with what is left of its budget, or with more where you say so.",
  enqueue: "The study tries this config next; the search fills in what you leave empty.",
};

const RESUMED = ["table", "program"]; // a function, and a program that asks and tells, are resumed where they are

export function StudyActs({ study }) {
  const running = study.state === "running" && study.alive;
  const [last, setLast] = useState(null); // the form of an act goes when the study has done it, and its answer with it
  const send = async (what, body, values) => {
    const because = (values[BECAUSE.name] ?? "").trim();
    const answer = await act(`studies/${encodeURIComponent(study.name)}/${what}`, because ? { ...body, because } : body);
    if (answer.said && what !== "enqueue") setLast({ said: answer.said, running });
    return answer;
  };
  return html`
    ${last && last.running !== running && html`<${Notice} kind="said"><p>${last.said}</p></${Notice}>`}
    ${running && html`<${Act} title="Stop" button="Stop this study" fields=${[BECAUSE]} explain=${study.repeats_best ? SAID.stopRepeating : SAID.stop} onAct=${(values) => send("stop", {}, values)} />`}
    ${running && html`<${Act} title="Extend" button="Give it more" fields=${[...MORE, BECAUSE]} explain=${SAID.extend} onAct=${(values) => send("extend", more(values), values)} />`}
    ${!running && RESUMED.includes(study.study_kind) && html`<${Act} title="Resume" button="Resume this study" fields=${[...MORE, BECAUSE]} explain=${SAID.resume} onAct=${(values) => send("resume", more(values), values)} />`}
    <${Act} title="Enqueue a config" button="Enqueue" fields=${[...fieldsOf(study), BECAUSE]} explain=${SAID.enqueue} onAct=${(values) => send("enqueue", { config: configOf(study, values) }, values)} />
  `;
}

function more(values) {
  const given = ["seconds", "trials"].filter((name) => values[name]);
  return Object.fromEntries(given.map((name) => [name, Number(values[name])]));
}

// A field a hyperparameter, with the best config's values in it.
function fieldsOf(study) {
  const { trials } = study;
  const row = winner(study) === null ? topRow(trials) : trials.number.indexOf(winner(study));
  return searched(study).map((each) => ({
    name: each.name,
    label: each.name.length > 60 ? `${each.name.slice(0, 60)}…` : each.name,
    value: row < 0 ? "" : (trials.values[each.name]?.[row] ?? ""),
    ...(each.choices ? { type: "select", choices: ["", ...each.choices] } : { inputmode: "decimal", autocomplete: "off" }),
  }));
}

// The values as texts: the server reads them as the command line does.
function configOf(study, values) {
  const given = searched(study).map(({ name }) => [name, (values[name] ?? "").trim()]);
  return Object.fromEntries(given.filter(([, text]) => text !== ""));
}
