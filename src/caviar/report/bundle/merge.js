// Changes that the server sends, put into the document that the page has.
//
// A change has the keys of its document, but only what is new: columns are merged by the column that names a row,
// lists by their members' own name, and all else is replaced. The document is changed in place where it is large;
// every changed part is a new object, so that pages see by its identity what to draw again.

// Columns by the key of their row; all other objects are replaced.
const ROWS = { trials: (columns, i) => columns.number[i], epochs: (columns, i) => `${columns.take[i]} ${columns.step[i]}` };
// Lists by what names a member; all other lists are replaced.
const MEMBERS = {
  boxes: (box) => box.number,
  snapshots: (snapshot) => snapshot.number,
  diary: (line) => line.number ?? `${line.at} ${line.step} ${line.kind} ${line.text}`,
};

export function merge(document, changes) {
  const merged = { ...document };
  for (const [key, value] of Object.entries(changes)) {
    if (key in ROWS && merged[key] && value) merged[key] = mergeColumns(merged[key], value, ROWS[key]);
    else if (key in MEMBERS && merged[key]) merged[key] = mergeList(merged[key], value, MEMBERS[key]);
    else if (key === "curves" && merged.curves) merged.curves = mergeCurves(merged.curves, value);
    else merged[key] = value;
  }
  if (changes.trials && merged.trials.rank) rankAgain(merged);
  return merged;
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
  for (const group of ["u", "values"]) if (merged[group]) merged[group] = { ...merged[group] };
  return merged;
}

// Columns by their path: ["score"], ["u", "learning_rate"].
function flatten(columns) {
  const flat = new Map();
  for (const [name, value] of Object.entries(columns)) {
    if (Array.isArray(value)) flat.set(name, value);
    else if (name === "u" || name === "values") {
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

// Ranks, 0 the worst to 1 the best: a new trial moves those of all others.
function rankAgain({ trials, goal }) {
  const sign = goal === "minimize" ? -1 : 1;
  const scored = trials.number.map((_, i) => i).filter((i) => trials.score[i] !== null);
  const values = [...new Set(scored.map((i) => sign * trials.score[i]))].sort((a, b) => a - b);
  const place = new Map(values.map((value, k) => [value, k + 1]));
  const most = Math.max(values.length, 1);
  for (let i = 0; i < trials.rank.length; i++) {
    trials.rank[i] = trials.score[i] === null ? 0 : place.get(sign * trials.score[i]) / most;
  }
}
