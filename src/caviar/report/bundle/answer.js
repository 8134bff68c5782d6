// The answer of a study: the winner's scores beside the baselines, its config, mistakes by class, columns that matter.

import { html, useState } from "./vendor/htm/standalone.module.js";
import { Card, Facts, Name, Notice } from "./components.js";
import { capital, count, duration, metric as metricName, number, score as scoreText, value as valueText, words } from "./format.js";
import { trialAddress } from "./selection.js";

const ENDS = ["_low", "_high"];
const COLUMNS = 12; // shown at once

export function Answer({ study }) {
  const { answer } = study;
  if (!answer) return null;
  const test = answer.test?.[study.metric] ?? null;
  const validation = answer.validation?.[study.metric] ?? answer.score ?? null;
  const interval = test !== null && answer.test[`${study.metric}_low`] !== undefined;
  return html`
    <${Card} title="The answer" help=${test === null ? "answer_search" : "answer"} id="answer" wide>
      ${(answer.doubts ?? []).map((doubt) => html`<${Notice} kind="doubt" key=${doubt}><p><bdi>${doubt}</bdi></p></${Notice}>`)}
      <div class="answer">
        <div>
          <${Facts} rows=${[
            test !== null && [`${metricName(study.metric)}, sealed test`, html`<span class="big">${scoreText(test)}</span>${interval && html` <span class="small">95 %: ${scoreText(answer.test[`${study.metric}_low`])} to ${scoreText(answer.test[`${study.metric}_high`])}</span>`}`],
            validation !== null && [`${metricName(study.metric)}, ${answer.validation ? "validation" : "in the search"}`, html`<span class=${test === null ? "big" : ""}>${scoreText(validation)}</span>`],
            answer.parameters && ["parameters", number(answer.parameters)],
          ]} />
          <ul class="sentences">${(answer.sentences ?? []).map((sentence) => html`<li key=${sentence}><bdi>${capital(sentence)}</bdi></li>`)}</ul>
          <${Spent} spent=${answer.spent} />
          ${answer.ensemble && html`<p><strong>The model is an ensemble</strong> of ${count(answer.ensemble.networks, "network")} from trials ${Object.entries(answer.ensemble.trials).map(([trial, share]) => `${trial} (${Math.round(100 * share)} %)`).join(", ")}. The best network alone, whose config is here: ${metricName(study.metric)} ${answer.alone?.test ? `${scoreText(answer.alone.test[study.metric])} on the sealed test, ` : ""}${scoreText(answer.alone?.validation?.[study.metric])} on validation.</p>`}
          ${answer.model && html`<p class="small">Model${answer.ensemble ? ", the ensemble" : ""}: <code><${Name} text=${answer.model} long=${200} /></code></p>`}
          ${answer.folder && html`<p class="small">Files: <code><${Name} text=${answer.folder} long=${200} /></code></p>`}
        </div>
        <div>
          <h3>Config of <a href=${trialAddress(study.name, answer.trial)}>trial ${answer.trial}</a></h3>
          <${Config} config=${answer.config} />
        </div>
      </div>
      <${Scores} study=${study} answer=${answer} />
      <${Confusion} found=${answer.confusion} />
      <${Targets} targets=${answer.targets} />
      <${Columns} columns=${answer.columns ?? []} metric=${study.metric} />
    </${Card}>
  `;
}

export function Config({ config }) {
  return html`
    <dl class="pairs">
      ${Object.entries(config).map(([name, value]) => html`<div key=${name}><dt><${Name} text=${name} long=${60} /></dt><dd><${Name} text=${valueText(value)} long=${200} /></dd></div>`)}
    </dl>
  `;
}

function Spent({ spent }) {
  const parts = Object.entries(spent ?? {}).filter(([, share]) => typeof share === "number" && share > 0);
  if (!parts.length) return null;
  return html`<p class="small">Training time: ${parts.map(([name, seconds]) => `${words(name)} ${duration(seconds)}`).join(", ")}.</p>`;
}

// A row a metric: the network on the sealed test and on validation, and the baselines on both.
function Scores({ study, answer }) {
  const [open, setOpen] = useState(false);
  const baselines = Object.values(answer.baseline ?? {});
  const titles = baselines.map((one, k) => answer.baselines?.[k]?.what ?? one.method);
  const parts = [answer.test ?? {}, ...baselines, answer.validation ?? {}, ...baselines.map((one) => one.validation ?? {})];
  const undefinedReasons = answer.undefined?.test ?? {};
  const own = ["method", "always", "rows", "validation", "lead"];
  const names = [...new Set([...Object.keys(answer.test ?? {}), ...Object.keys(answer.validation ?? {}), ...Object.keys(undefinedReasons)])];
  const metrics = names.filter((name) => !ENDS.some((end) => name.endsWith(end)) && !own.includes(name));
  if (!metrics.length) return null;
  const heads = [answer.ensemble ? "ensemble" : "network", ...titles];
  const cell = (scores, name) => {
    if (scores[name] === undefined || scores[name] === null) return html`<span class="small">not defined</span>`;
    const [low, high] = ENDS.map((end) => scores[name + end]);
    return html`${scoreText(scores[name])}${low !== undefined && low !== null && html`<br /><span class="small">${scoreText(low)} to ${scoreText(high)}</span>`}`;
  };
  const of = (name) => (name === "average_precision" && answer.positive !== null && answer.positive !== undefined ? html`${metricName(name)} of <${Name} text=${quoted(answer.positive)} long=${40} />` : metricName(name));
  return html`
    <details open=${open} onToggle=${(event) => setOpen(event.target.open)}>
      <summary>All scores${baselines.length > 0 && ", beside the baselines"}</summary>
      <div class="scroll">
        <table class="scores">
          <thead>
            <tr><th></th><th colspan=${heads.length} class="part">sealed test</th><th colspan=${heads.length} class="part">validation</th></tr>
            <tr><th scope="col">metric</th>${[...heads, ...heads].map((head) => html`<th class="n"><${Name} text=${head} long=${40} /></th>`)}</tr>
          </thead>
          <tbody>
            ${metrics.map((name) => html`<tr key=${name} class=${name === study.metric ? "main" : ""}><th scope="row">${of(name)}</th>${parts.map((scores) => html`<td class="n">${cell(scores, name)}</td>`)}</tr>`)}
          </tbody>
        </table>
      </div>
      ${Object.entries(undefinedReasons).map(([name, why]) => html`<p class="small">${metricName(name)}: <bdi>${why}</bdi>.</p>`)}
    </details>
  `;
}

// A class as it stands in a sentence.
const quoted = (label) => (typeof label === "string" ? `'${label}'` : String(label));

// A line a true class, a column a predicted one; of more than a hundred classes the pairs.
function Confusion({ found }) {
  if (!found) return null;
  const table = found.matrix
    ? html`
        <table class="confusion">
          <thead><tr><th>true, predicted</th>${found.classes.map((label) => html`<th class="n"><${Name} text=${quoted(label)} long=${16} /></th>`)}<th class="n">found</th></tr></thead>
          <tbody>
            ${found.matrix.map((line, k) => {
              const total = line.reduce((sum, n) => sum + n, 0);
              return html`
                <tr key=${k}>
                  <th scope="row"><${Name} text=${quoted(found.classes[k])} long=${30} /></th>
                  ${line.map((n, j) => html`<td class=${`n ${j === k ? "right" : "wrong"}`} ref=${(element) => element?.style.setProperty("--share", `${Math.round((100 * n) / Math.max(total, 1))}%`)}>${n || ""}</td>`)}
                  <td class="n small">${total ? `${Math.round((100 * line[k]) / total)} %` : "no row"}</td>
                </tr>
              `;
            })}
          </tbody>
        </table>
      `
    : html`
        <table>
          <thead><tr><th>class</th><th>taken for</th><th class="n">rows</th></tr></thead>
          <tbody>${found.pairs.map((pair) => html`<tr><td><${Name} text=${quoted(pair.true)} /></td><td><${Name} text=${quoted(pair.predicted)} /></td><td class="n">${number(pair.rows)}</td></tr>`)}</tbody>
        </table>
      `;
  return html`
    <details>
      <summary>Which class was taken for which</summary>
      <p class="small">Rows of the sealed test part: a line a true class, a column a predicted class.</p>
      <div class="scroll">${table}</div>
    </details>
  `;
}

// A line for each of several targets.
function Targets({ targets }) {
  if (!targets?.length) return null;
  return html`
    <details>
      <summary>Each target alone</summary>
      <p class="small">On the sealed test part; F1 is of the label that is named.</p>
      <div class="scroll">
        <table class="scores targets">
          <thead><tr><th>target</th><th>label</th><th class="n">rows with it</th><th class="n">accuracy</th><th class="n">always the same label</th><th class="n">F1</th><th class="n">log loss</th></tr></thead>
          <tbody>
            ${targets.map(
              (one) => html`
                <tr key=${one.column}>
                  <th scope="row"><${Name} text=${one.column} long=${40} /></th>
                  <td><${Name} text=${quoted(one.labels[1])} long=${30} /></td>
                  <td class="n">${number(one.rows)}</td>
                  <td class="n">${scoreText(one.accuracy)}</td>
                  <td class="n">${scoreText(one.majority)}</td>
                  <td class="n">${one.f1 === null ? html`<span class="small">not defined</span>` : scoreText(one.f1)}</td>
                  <td class="n">${scoreText(one.log_loss)}</td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    </details>
  `;
}

function Columns({ columns, metric }) {
  const [all, setAll] = useState(false);
  const measured = columns.filter((column) => column.importance !== null);
  if (!measured.length) return null;
  const most = Math.max(...measured.map((column) => column.importance), 1e-9);
  const shown = all ? measured : measured.slice(0, COLUMNS);
  const left = columns.length - measured.length;
  return html`
    <details>
      <summary>Columns that matter</summary>
      <p class="small">How much worse ${metricName(metric)} gets on rows not trained on when the column is shuffled${left > 0 && `; ${number(measured.length)} columns of ${number(columns.length)} measured alone`}.</p>
      <table class="importance">
        <thead><tr><th>column</th><th>kind</th><th class="track">importance</th><th></th></tr></thead>
        <tbody>
          ${shown.map(
            (column) => html`
              <tr key=${column.name}>
                <th scope="row"><${Name} text=${column.name} long=${50} /></th>
                <td class="small">${column.kind}</td>
                <td class="track"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="value" x="0" y="1" height="8" width=${Math.max((100 * column.importance) / most, 0)} /></svg></td>
                <td class="n">${scoreText(column.importance)}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
      ${measured.length > shown.length && html`<button type="button" onClick=${() => setAll(true)}>Show all ${number(measured.length)} columns</button>`}
    </details>
  `;
}
