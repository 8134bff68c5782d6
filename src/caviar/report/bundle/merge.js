// Changes that the server sends, put into the document that the page has.
//
// A change has the keys of its document, but only what is new: columns are merged by the column that names a row,
// lists by their members' own name, and all else is replaced. The document is changed in place where it is large;
// every changed part is a new object, so that pages see by its identity what to draw again.

// Columns by the key of their row; all other objects are replaced.
const ROWS = {
  trials: ({ number }, i) => String(number[i]),
  epochs: ({ take, epoch, step }, i) => `${take[i]} ${epoch[i]} ${step[i]}`,
};
const GROUPS = ["u", "values"]; // objects of columns
// Lists by what names a member; all other lists are replaced.
const MEMBERS = {
  boxes: (box) => box.number,
  snapshots: (snapshot) => snapshot.number,
  diary: (line) => line.number,
};

export function merge(document, changes) {
  const merged = { ...document };
  for (const [key, value] of Object.entries(changes)) {
    if (key === "removed") continue;
    if (key in ROWS && merged[key] && value) merged[key] = mergeColumns(merged[key], value, ROWS[key]);
    else if (key in MEMBERS && merged[key]) merged[key] = mergeList(merged[key], value, MEMBERS[key]);
    else if (key === "curves" && merged.curves) merged.curves = mergeCurves(merged.curves, value);
    else merged[key] = value;
  }
  for (const [path, keys] of Object.entries(changes.removed ?? {})) remove(merged, path, keys);
  if ((changes.trials || changes.removed?.trials) && merged.trials?.rank) rankAgain(merged);
  return merged;
}

// Rows and members that are no longer there; a key of columns is the list of their values.
function remove(merged, path, keys) {
  const gone = new Set(keys.map((key) => (Array.isArray(key) ? key.join(" ") : String(key))));
  if (path in ROWS && merged[path]) {
    const columns = merged[path];
    const kept = (columns.number ?? columns.step).map((_, i) => i).filter((i) => !gone.has(ROWS[path](columns, i)));
    const chosen = (column) => kept.map((i) => column[i]);
    const inner = (group) => Object.fromEntries(Object.entries(group).map(([name, column]) => [name, chosen(column)]));
    merged[path] = Object.fromEntries(
      Object.entries(columns).map(([name, value]) => {
        if (Array.isArray(value)) return [name, chosen(value)];
        return [name, GROUPS.includes(name) ? inner(value ?? {}) : value];
      }),
    );
  } else if (path === "curves.lines" && merged.curves) {
    merged.curves = { ...merged.curves, lines: merged.curves.lines.filter((line) => !gone.has(String(line.trial))) };
  } else if (path in MEMBERS && merged[path]) {
    merged[path] = merged[path].filter((member) => !gone.has(String(MEMBERS[path](member))));
  }
}

const places = new WeakMap(); // of the first column: row by key

function mergeColumns(columns, added, keyOf) {
  const flat = flatten(columns);
  const news = flatten(added);
  const first = columns.number ?? columns.step;
  let rows = places.get(first);
  if (!rows) {
    rows = new Map(first.map((_, i) => [keyOf(columns, i), i]));
    places.set(first, rows);
  }
  const n = (added.number ?? added.step ?? []).length;
  for (let i = 0; i < n; i++) {
    const key = keyOf(added, i);
    let row = rows.get(key);
    if (row === undefined) {
      row = first.length;
      rows.set(key, row);
      for (const column of flat.values()) column.push(null);
    }
    for (const [name, column] of news) {
      if (!flat.has(name)) flat.set(name, newColumn(columns, name, first.length));
      flat.get(name)[row] = column[i];
    }
  }
  const merged = { ...columns };
  for (const [name, value] of Object.entries(added)) {
    if (Array.isArray(value)) continue;
    if (name === "errors") merged.errors = { ...columns.errors, ...value };
  }
  for (const group of GROUPS) if (merged[group]) merged[group] = { ...merged[group] };
  return merged;
}

// Columns by their path: ["score"], ["u", "learning_rate"].
function flatten(columns) {
  const flat = new Map();
  for (const [name, value] of Object.entries(columns)) {
    if (Array.isArray(value)) flat.set(name, value);
    else if (GROUPS.includes(name)) {
      for (const [inner, column] of Object.entries(value ?? {})) flat.set(`${name}\n${inner}`, column);
    }
  }
  return flat;
}

function newColumn(columns, path, n) {
  const column = new Array(n).fill(null);
  const [group, name] = path.split("\n");
  if (name === undefined) columns[group] = column;
  else (columns[group] ??= {})[name] = column;
  return column;
}

function mergeList(list, added, keyOf) {
  const all = new Map(list.map((member) => [keyOf(member), member]));
  for (const member of added) all.set(keyOf(member), member);
  return [...all.values()];
}

function mergeCurves(curves, added) {
  const merged = { ...curves, ...added };
  if (added.lines) merged.lines = mergeList(curves.lines ?? [], added.lines, (line) => line.trial);
  return merged;
}

// Ranks, 0 the worst to 1 the best, as records/ranking.py has them: a new trial moves those of all others.
const UNRANKED = ["diverged", "out_of_memory", "failed", "infeasible"];
const OWN_CODE = ["score", "loss", "objective", "objective_loss"]; // metrics of code that need not report a loss

function rankAgain({ trials, goal, metric }) {
  const sign = goal === "minimize" ? -1 : 1;
  const noLoss = OWN_CODE.includes(metric);
  const loss = (i) => (noLoss ? 0 : trials.loss[i]);
  const isRanked = (i) => trials.score[i] !== null && loss(i) !== null && !UNRANKED.includes(trials.state[i]);
  const rows = trials.number.map((_, i) => i).filter(isRanked);
  const compare = (a, b) => sign * (trials.score[a] - trials.score[b]) || loss(b) - loss(a);
  rows.sort(compare);
  const places = new Map();
  let place = rows.length < trials.number.length ? 0 : -1; // the unranked share the first place
  rows.forEach((row, k) => {
    if (k === 0 || compare(rows[k - 1], row) !== 0) place += 1;
    places.set(row, place);
  });
  trials.rank = trials.number.map((_, i) => Math.round(((places.get(i) ?? 0) / Math.max(place, 1)) * 1e4) / 1e4);
}
