// Tests of an old answer: the verdict on the page of the test, and the list of tests on the page of the old study.

import { html } from "./vendor/htm/standalone.module.js";
import { Card, Facts, Name } from "./components.js";
import { metric as metricName, number, score as scoreText, when } from "./format.js";

const address = (name) => `#/study/${encodeURIComponent(name)}`;

export function Verdict({ study }) {
  const found = study.retest;
  if (!found) return null;
  return html`
    <${Card} title="The verdict" id="verdict" wide>
      <${Facts} rows=${[
        ["verdict", html`<span class="big">${found.headline}</span>`],
        ["on the answer of", html`<a href=${address(found.of)}><${Name} text=${found.of} long=${60} /></a>`],
      ]} />
      <p><bdi>${found.why}</bdi></p>
      ${found.compared.length > 0 && html`<${Compared} found=${found} metric=${study.metric} />`}
      <${Sentences} title="Changed in the environment" of=${found.changed} />
      <${Sentences} title="The data" of=${found.drift} />
      <${Sentences} title="Not known" of=${found.unknown} />
      <${Sentences} title="Notes" of=${found.notes} />
    </${Card}>
  `;
}

function Compared({ found, metric }) {
  return html`
    <div class="scroll">
      <table class="scores">
        <thead><tr><th>on the same rows</th><th>beside</th><th class="n">${metricName(metric)}</th><th class="n">better by</th><th class="n">95 %</th><th class="n">rows</th></tr></thead>
        <tbody>
          ${found.compared.map(
            (one) => html`
              <tr key=${one.one + one.other} class=${one.decides ? "main" : ""}>
                <th scope="row">${one.one}</th>
                <td>${one.other}</td>
                <td class="n">${scoreText(one.score)} beside ${scoreText(one.beside)}</td>
                <td class="n">${scoreText(one.mean)}</td>
                <td class="n">${scoreText(one.low)} to ${scoreText(one.high)}</td>
                <td class="n">${number(one.rows)}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
  `;
}

function Sentences({ title, of }) {
  if (!of?.length) return null;
  return html`<h3>${title}</h3><ul class="sentences">${of.map((text) => html`<li key=${text}><bdi>${text}</bdi></li>`)}</ul>`;
}

export function Retests({ study }) {
  if (!study.retests?.length) return null;
  return html`
    <${Card} title="Tested again" id="retests" wide>
      <ol class="diary">
        ${study.retests.map(
          (one) => html`
            <li class="line" key=${one.study}>
              <span class="small place">${when(one.created)}</span>
              <span class="what"><a href=${address(one.study)}><${Name} text=${one.study} long=${60} /></a>: <strong>${one.headline || one.state}</strong>${one.why && html`, <bdi>${one.why}</bdi>`}</span>
            </li>
          `,
        )}
      </ol>
    </${Card}>
  `;
}
