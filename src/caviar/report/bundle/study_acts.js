// Acts on a study: stop it, give it more, resume it, enqueue a config.

import { html } from "./vendor/htm/standalone.module.js";
import { Act } from "./components.js";
import { topRow } from "./history.js";
import { act } from "./state.js";
import { searched, winner } from "./slices.js";

export function StudyActs({ study }) {
  const path = (what) => `studies/${encodeURIComponent(study.name)}/${what}`;
  const running = study.state === "running" && study.alive;
  const more = (values) => ({
    ...(values.seconds ? { seconds: Number(values.seconds) } : {}),
    ...(values.trials ? { trials: Number(values.trials) } : {}),
  });
  const budget = [
    { name: "seconds", label: "Seconds more", type: "number", min: "0", step: "any", inputmode: "decimal" },
    { name: "trials", label: "Trials more", type: "number", min: "1", step: "1", inputmode: "numeric" },
  ];
  const extend = html`<${Act} title="Extend" button="Give it more" fields=${budget} explain="The study goes on for so many seconds, or trials, more." onAct=${(values) => act(path("extend"), more(values))} />`;
  return html`
    <div class="acts" role="group" aria-label="Acts on this study">
      ${running && html`<${Act} title="Stop" button="Stop this study" explain="The study ends as with Ctrl-C: all is saved, and it can be resumed." onAct=${() => act(path("stop"))} />`}
      ${running && extend}
      ${!running && html`<${Act} title="Resume" button="Resume this study" fields=${budget} explain="The study goes on where it ended, with its own budget, or with more where you say so." onAct=${(values) => act(path("resume"), more(values))} />`}
      <${Act} title="Enqueue a config" button="Enqueue" fields=${fieldsOf(study)} explain="The study tries this config next; what is left empty is drawn by the search." onAct=${(values) => act(path("enqueue"), { config: configOf(study, values) })} />
    </div>
  `;
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

function configOf(study, values) {
  const config = {};
  for (const each of searched(study)) {
    const text = values[each.name];
    if (text === undefined || text === "") continue;
    const choice = each.choices?.find((one) => String(one) === text);
    const wanted = choice ?? (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
    config[each.name] = wanted;
  }
  return config;
}
