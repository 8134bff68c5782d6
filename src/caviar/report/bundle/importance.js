// Importance of the hyperparameters with its intervals, beside the order of the course.

import { html } from "./vendor/htm/standalone.module.js";
import { Broken, Card, Empty } from "./components.js";

export const two = (value) => (Math.round(value * 100) / 100 + 0).toFixed(2); // no -0.00

export function Importance({ study }) {
  const rows = [...(study.importance ?? [])].sort((a, b) => b.importance - a.importance);
  if (!rows.length) {
    const few = "Too few trials have a score to measure what mattered; more time would help.";
    return html`<${Card} title="What mattered" help="importance"><${Empty}>${few}</${Empty}></${Card}>`;
  }
  const high = Math.max(...rows.map((row) => row.high), 0.05);
  const low = Math.min(...rows.map((row) => row.low), 0);
  const at = (value) => (100 * (value - low)) / (high - low);
  const tiers = rows.some((row) => row.tier !== null);
  return html`
    <${Card} title="What mattered" help="importance">
      <div class="scroll">
        <table class="importance">
          <thead><tr><th>hyperparameter</th><th class="track">importance, 90 % interval</th><th class="n"></th>${tiers && html`<th class="n">course's order</th>`}</tr></thead>
          <tbody>
            ${rows.map(
              (row) => html`
                <tr key=${row.name}>
                  <th scope="row"><${Broken} text=${row.name} long=${40} /></th>
                  <td class="track">
                    <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                      <line class="zero" x1=${at(0)} x2=${at(0)} y1="0" y2="10" />
                      <rect class="interval" x=${at(row.low)} width=${Math.max(at(row.high) - at(row.low), 0.3)} y="3.5" height="3" />
                      <rect class="value" x=${at(row.importance) - 0.5} width="1" y="0.5" height="9" />
                    </svg>
                  </td>
                  <td class="n">${two(row.importance)} <span class="small">(${two(row.low)} to ${two(row.high)})</span></td>
                  ${tiers && html`<td class="n">${row.tier === null ? "" : `tier ${row.tier}`}</td>`}
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    </${Card}>
  `;
}
