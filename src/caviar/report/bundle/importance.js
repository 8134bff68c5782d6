// Importance of the hyperparameters with its intervals, beside the order of the course.

import { html } from "./vendor/htm/standalone.module.js";
import { Broken, Card, Empty } from "./components.js";

const two = (value) => (Math.round(value * 100) / 100 + 0).toFixed(2); // no -0.00

// The scale of the importances of `rows`: a value -> its place, 0 to 100; 0 is on it.
export function shareOf(rows) {
  const high = Math.max(...rows.map((row) => row.high), 0.05);
  const low = Math.min(...rows.map((row) => row.low), 0);
  return (value) => (100 * (value - low)) / (high - low);
}

// An importance as a mark on its interval.
export function Interval({ row, at, kind = "" }) {
  return html`
    <svg class=${kind} viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <line class="zero" x1=${at(0)} x2=${at(0)} y1="0" y2="10" />
      <rect class="interval" x=${at(row.low)} width=${Math.max(at(row.high) - at(row.low), 0.3)} y="3.5" height="3" />
      <rect class="value" x=${at(row.importance) - 0.5} width="1" y="0.5" height="9" />
    </svg>
  `;
}

export const Measured = ({ row }) => html`${two(row.importance)} <span class="small">(${two(row.low)} to ${two(row.high)})</span>`;

export function Importance({ study }) {
  const rows = [...(study.importance ?? [])].sort((a, b) => b.importance - a.importance);
  if (!rows.length) {
    const few = "Too few trials have a score to measure what mattered; more time would help.";
    return html`<${Card} title="What mattered" help="importance"><${Empty}>${few}</${Empty}></${Card}>`;
  }
  const at = shareOf(rows);
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
                  <td class="track"><${Interval} row=${row} at=${at} /></td>
                  <td class="n"><${Measured} row=${row} /></td>
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
