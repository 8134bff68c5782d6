// The family of a run: its ancestors and branches as a tree.

import { html } from "./vendor/htm/standalone.module.js";
import { Card, Name, State } from "./components.js";
import { number, score, words } from "./format.js";
import { has } from "./state.js";

export function Family({ run }) {
  const names = new Set(run.family.map((member) => member.name));
  const roots = run.family.filter((member) => !names.has(member.parent));
  const best = bestOf(run.family);
  return html`
    <${Card} title="Family" help="run_family" wide>
      <ul class="tree">${roots.map((member) => html`<${Member} member=${member} run=${run} best=${best} depth=${0} />`)}</ul>
    </${Card}>
  `;
}

// The member whose best epoch is the best of all, where all are compared by the same number.
function bestOf(family) {
  const measured = family.filter((member) => member.best && member.best.value !== null);
  if (measured.length < 2 || new Set(measured.map((member) => member.best.by)).size > 1) return null;
  const sign = measured[0].best.is_highest ? -1 : 1;
  return measured.reduce((a, b) => (sign * b.best.value < sign * a.best.value ? b : a));
}

const DEEPEST = 200; // a chain of branches that is longer is cut

function Member({ member, run, best, depth }) {
  const branches = run.family.filter((each) => each.parent === member.name);
  const here = member.name === run.name;
  const name = html`<${Name} text=${member.name} long=${60} />`;
  const path = `runs/${encodeURIComponent(member.name)}`;
  return html`
    <li>
      <div class=${`member${here ? " here" : ""}`}>
        ${here || !has(path) ? html`<strong>${name}</strong>` : html`<a href=${`#/run/${encodeURIComponent(member.name)}`}>${name}</a>`}
        <${State} state=${member.state} />
        <span class="small">
          ${member.snapshot ? `from snapshot ${member.snapshot}; ` : ""}
          ${member.best ? html`best ${words(member.best.by.slice(0, 40))} <strong>${score(member.best.value)}</strong>${member.best.epoch ? ` at epoch ${number(member.best.epoch)}` : ""}${member === best ? ", the best of the family" : ""}` : "nothing measured yet"}
        </span>
      </div>
      ${branches.length > 0 && depth < DEEPEST && html`<ul>${branches.map((each) => html`<${Member} member=${each} run=${run} best=${best} depth=${depth + 1} />`)}</ul>`}
    </li>
  `;
}
