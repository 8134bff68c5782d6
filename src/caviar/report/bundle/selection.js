// Which trials of a study are meant: ranges brushed on the parallel axes, and the words of the table's filter.
//
// Every picture of the study fades the trials that are not meant; the table leaves them out.

import { computed, signal } from "./vendor/signals/signals-core.module.js";
import { value as valueText } from "./format.js";

const made = new Map();

// The selection of study `name`, kept while the page is open.
export function selectionOf(name) {
  if (!made.has(name)) {
    const brushes = signal({}); // {hyperparameter or "score": [low, high] in u}
    const filter = signal("");
    made.set(name, { brushes, filter, isEmpty: computed(() => !filter.value.trim() && !Object.keys(brushes.value).length) });
  }
  return made.get(name);
}

// A Uint8Array, 1 for each row of `trials` that is meant; null where all are.
export function chosenRows(trials, brushes, filter, place) {
  const ranges = Object.entries(brushes);
  const tests = parse(filter);
  if (!ranges.length && !tests.length) return null;
  const n = trials.number.length;
  const chosen = new Uint8Array(n);
  for (let row = 0; row < n; row++) {
    const kept = ranges.every(([name, [low, high]]) => {
      const u = name === "score" ? place(row) : trials.u[name]?.[row];
      return u !== null && u !== undefined && u >= low && u <= high;
    });
    chosen[row] = kept && tests.every((test) => test(trials, row)) ? 1 : 0;
  }
  return chosen;
}

const FORM = /^([\p{L}\p{N}_.-]+)(<=|>=|!=|=|<|>|:)(.+)$/u;
const COMPARED = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

// The tests of a filter such as "learning_rate<0.01 state:diverged adam"; all of them must hold.
export function parse(filter) {
  return filter
    .trim()
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => {
      const found = word.match(FORM);
      if (!found) return (trials, row) => contains(trials, row, word.toLowerCase());
      const [, name, sign, text] = found;
      const wanted = Number(text);
      return (trials, row) => {
        const own = column(trials, name)?.[row];
        if (own === undefined) return false;
        if (sign === ":" || typeof own === "string") {
          const same = String(own ?? "").toLowerCase();
          if (sign === "!=") return same !== text.toLowerCase();
          return sign === "=" ? same === text.toLowerCase() : same.includes(text.toLowerCase());
        }
        return own !== null && COMPARED[sign](Number(own), wanted);
      };
    });
}

export function column(trials, name) {
  if (name === "trial") return trials.number;
  if (Object.hasOwn(trials.values ?? {}, name)) return trials.values[name];
  return Array.isArray(trials[name]) ? trials[name] : undefined;
}

function contains(trials, row, text) {
  if (String(trials.number[row]) === text || trials.state[row].includes(text)) return true;
  if (String(trials.origin[row] ?? "").toLowerCase().includes(text)) return true;
  return Object.values(trials.values).some((of) => typeof of[row] === "string" && of[row].toLowerCase().includes(text));
}

// The lines of a trial's tooltip.
export function trialLines(study, row, names = []) {
  const { trials } = study;
  const lines = [`trial ${trials.number[row]}, ${trials.state[row].replaceAll("_", " ")}`];
  const score = trials.score[row];
  lines.push(`${study.metric.replaceAll("_", " ")} ${score === null ? "none" : valueText(score)} after ${trials.epochs[row] ?? 0} epochs`);
  for (const name of names) {
    const own = trials.values[name]?.[row];
    if (own !== null && own !== undefined) lines.push(`${name}: ${valueText(own)}`.slice(0, 200));
  }
  return lines;
}

export const trialAddress = (name, number) => `#/study/${encodeURIComponent(name)}/trial/${number}`;
export const open = (name, number) => (location.hash = trialAddress(name, number));
