// Learning curves of a run: losses and the score by epochs, with all that was undone, and marks of what was done.

import { html, useMemo, useRef, useState } from "./vendor/htm/standalone.module.js";
import { Card, Choice, Empty, hideTip, showTip } from "./components.js";
import { capital, number, words } from "./format.js";
import { Lines, Picture } from "./plot.js";

const TRAIN = ["train_loss", "loss"];
const VALIDATION = ["validation_loss", "val_loss"];
const MARKED = { turn: "purple", rollback: "vermilion", pause: "muted", resume: "muted", advice: "orange", stop: "ink", branch: "green" };
const LEFT_OUT = new Set(["seconds", "logged", "learning_rate"]); // values of an epoch that are no result

export function Curves({ run }) {
  const [log, setLog] = useState(null);
  const curves = useMemo(() => made(run), [run.epochs, run.smoothed, run.diary, run.score]);
  const isLog = log ?? curves.spread > 30;
  const controls = html`<${Choice} label="Scale of the loss" value=${isLog} choices=${[[false, "linear"], [true, "log"]]} onChange=${setLog} />`;
  const { losses, others } = curves;
  const recent = run.progress.losses.filter((loss) => loss !== null);
  return html`
    <${Card} title="Learning curves" help="run_curves" wide controls=${losses.series.length > 0 && controls}>
      ${!curves.rows && html`<${Empty}>No epoch has ended yet.</${Empty}>`}
      ${curves.rows > 0 && html`
        <p class="key">
          ${losses.series.some((one) => one.part === "train") && html`<span class="train">training loss</span>`}
          ${losses.series.some((one) => one.part === "validation") && html`<span class="validation">validation loss</span>`}
          ${others.length > 0 && html`<span class="score">${others.length === 1 ? words(others[0].name.slice(0, 60)) : "other numbers"}</span>`}
          ${[losses, ...others].some(({ series }) => series.some((one) => one.kind === "undone")) && html`<span class="undone">undone by a rollback</span>`}
        </p>
      `}
      <div class="pair">
        ${losses.series.length > 0 && html`<${Chart} curves=${curves} chart=${losses} log=${isLog} title="loss" />`}
        ${others.slice(0, 12).map((chart) => html`<${Chart} key=${chart.name} curves=${curves} chart=${chart} log=${false} title=${words(chart.name.slice(0, 60))} />`)}
      </div>
      ${run.alive && recent.length > 1 && html`<${Recent} losses=${recent} />`}
    </${Card}>
  `;
}

// Columns for the plots. A run without epochs, a loop of the user's, is drawn by its steps.
function made({ epochs, smoothed, diary, score }) {
  const { undone, take, values } = epochs;
  const bySteps = epochs.epoch.every((epoch) => !epoch);
  const places = bySteps ? epochs.step : epochs.epoch;
  const x = [...new Set(places)].sort((a, b) => a - b);
  const at = new Map(x.map((place, i) => [place, i]));
  const column = (numbers, keep) => {
    const filled = new Array(x.length).fill(null);
    numbers?.forEach((each, row) => keep(row) && (filled[at.get(places[row])] = each ?? null));
    return filled;
  };
  const takes = [...new Set(take.filter((_, row) => undone[row]))];
  const part = (name, colour, numbers, smooth, kind) => {
    if (!numbers) return [];
    const own = (row) => !undone[row];
    const lost = takes.map((each) => ({
      part: name, colour, kind: "undone", data: column(numbers, (row) => undone[row] && take[row] === each),
    }));
    const raw = { part: name, colour, kind, data: column(numbers, own) };
    return [...lost, raw, ...(smooth ? [{ part: name, colour, kind: "smooth", data: column(smooth, own) }] : [])];
  };
  const train = TRAIN.find((name) => values[name]);
  const validation = VALIDATION.find((name) => values[name]);
  const losses = [
    ...part("train", "blue", values[train], smoothed.train, "raw"),
    ...part("validation", "orange", values[validation], validation === "validation_loss" ? smoothed.validation : null, validation === "validation_loss" ? "raw" : "main"),
  ];
  const names = Object.keys(values).filter((name) => name !== train && name !== validation && !LEFT_OUT.has(name));
  names.sort((a, b) => (b === score) - (a === score));
  const others = (score && names.includes(score) && names.length > 3 && train ? [score, ...names.filter((name) => name !== score)] : names).map((name) => ({
    name, series: part(name, "green", values[name], null, "main"),
  }));
  const positive = losses.flatMap((one) => one.data).filter((loss) => loss !== null && loss > 0);
  const most = positive.reduce((a, b) => Math.max(a, b), 0);
  const least = positive.reduce((a, b) => Math.min(a, b), Infinity);
  const marks = diary
    .filter((line) => line.kind in MARKED)
    .map((line) => ({ place: bySteps ? line.step : line.epoch, colour: MARKED[line.kind], kind: line.kind, text: `${line.who ? `${line.who}: ` : ""}${line.text}` }));
  return {
    rows: places.length, x, bySteps, losses: { name: "loss", series: losses }, others, marks,
    spread: positive.length ? most / least : 1,
  };
}

const WIDTHS = { raw: 1, smooth: 2.2, main: 1.8, undone: 1.2 };

function Chart({ curves, chart, log, title }) {
  const latest = useRef(curves);
  latest.current = { ...curves, chart, title };
  const shape = chart.series.map((one) => `${one.part} ${one.kind}`).join();
  const options = useMemo(() => optionsOf(chart.series, log, curves.bySteps, title, latest), [shape, log, curves.bySteps, title]);
  const data = useMemo(() => {
    const seen = (number) => (log && number !== null && number <= 0 ? null : number);
    return [curves.x, ...chart.series.map((one) => (log ? one.data.map(seen) : one.data))];
  }, [curves, log]);
  return html`<div class="chart"><h3><bdi>${capital(title)}</bdi></h3><${Lines} data=${data} options=${options} label=${`${title} by ${curves.bySteps ? "step" : "epoch"}`} /></div>`;
}

function optionsOf(series, log, bySteps, title, latest) {
  return {
    legend: { show: false },
    scales: { x: { time: false }, y: { distr: log ? 3 : 1, range: () => rangeOf(latest.current.chart.series, log) } },
    axes: [{ label: bySteps ? "step" : "epoch", size: 26, labelSize: 16, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6] }, { size: 58, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : number(tick))) }],
    series: [{}, ...series.map(({ colour, kind }) => ({
      stroke: colour, width: WIDTHS[kind], alpha: kind === "raw" ? 0.35 : kind === "undone" ? 0.45 : 1,
      dash: kind === "undone" ? [4, 4] : undefined, spanGaps: true, points: { show: kind === "raw" || kind === "undone" ? false : (_, at) => series[at - 1].data.length < 2, size: 5 },
    }))],
    cursor: { drag: { x: true, y: false }, points: { show: false } },
    hooks: {
      draw: [(plot) => drawMarks(plot, latest.current.marks)],
      setCursor: [(plot) => tip(plot, latest.current)],
    },
  };
}

// From the least to the most of what counts, and of what was undone as much as leaves that readable.
function rangeOf(series, log) {
  const ends = (kinds) => {
    let [low, high] = [Infinity, -Infinity];
    for (const one of series) {
      if (!kinds.includes(one.kind)) continue;
      for (const each of one.data) {
        if (each === null || (log && each <= 0)) continue;
        low = Math.min(low, each);
        high = Math.max(high, each);
      }
    }
    return [low, high];
  };
  const place = log ? Math.log : (each) => each;
  const back = log ? Math.exp : (each) => each;
  const all = ends(["raw", "smooth", "main", "undone"]);
  if (all[0] > all[1]) return log ? [0.1, 1] : [0, 1];
  const main = ends(["raw", "smooth", "main"]);
  const [low, high] = (main[0] > main[1] ? all : main).map(place);
  const span = high - low || (log ? 1 : Math.abs(high) || 1);
  const most = Math.min(place(all[1]), high + span / 2);
  const least = Math.max(place(all[0]), low - span / 2);
  return [back(least - 0.06 * span), back(most + 0.06 * span)];
}

// A hairline and a mark at the top for each act; many at one place are one line.
function drawMarks(plot, marks) {
  const { ctx, bbox } = plot;
  const style = getComputedStyle(document.documentElement);
  const dense = devicePixelRatio || 1;
  ctx.save();
  for (const mark of marks) {
    const x = plot.valToPos(mark.place, "x", true);
    if (!(x >= bbox.left && x <= bbox.left + bbox.width)) continue;
    ctx.fillStyle = ctx.strokeStyle = style.getPropertyValue(`--${mark.colour}`).trim();
    ctx.globalAlpha = 0.35;
    ctx.lineWidth = dense;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.globalAlpha = 1;
    const size = 4.5 * dense;
    ctx.beginPath();
    if (mark.kind === "rollback") {
      ctx.moveTo(x - 1.2 * size, bbox.top);
      ctx.lineTo(x + 0.6 * size, bbox.top - size);
      ctx.lineTo(x + 0.6 * size, bbox.top + size);
    } else {
      ctx.arc(x, bbox.top, 0.8 * size, 0, 2 * Math.PI);
    }
    ctx.fill();
  }
  ctx.restore();
}

function tip(plot, { x, chart, bySteps, marks, title }) {
  const { left, top, idx } = plot.cursor;
  if (left < 0 || idx === null || idx === undefined) return hideTip();
  const box = plot.over.getBoundingClientRect();
  const lines = [`${bySteps ? "step" : "epoch"} ${number(x[idx])}`];
  for (const one of chart.series) {
    if (one.kind === "smooth" || one.data[idx] === null || one.data[idx] === undefined) continue;
    const name = one.part === chart.name ? title : `${one.part === "train" ? "training" : one.part} loss`;
    lines.push(`${name} ${number(one.data[idx])}${one.kind === "undone" ? ", undone" : ""}`);
  }
  const near = marks.filter((mark) => Math.abs(plot.valToPos(mark.place, "x") - left) < 6);
  lines.push(...near.slice(0, 4).map((mark) => mark.text.slice(0, 200)));
  showTip(box.left + left, box.top + top, lines);
}

// The loss of the last mini-batches: the part of the curve between two epochs.
function Recent({ losses }) {
  const draw = (context, { width, height }, colours) => {
    const low = Math.min(...losses);
    const high = Math.max(...losses);
    const y = (loss) => height - 4 - ((loss - low) / (high - low || 1)) * (height - 8);
    context.strokeStyle = colours.blue;
    context.lineWidth = 1.5;
    context.beginPath();
    losses.forEach((loss, i) => context.lineTo((i / (losses.length - 1)) * (width - 4) + 2, y(loss)));
    context.stroke();
  };
  const last = losses.at(-1);
  return html`
    <div class="recent">
      <p class="small">Loss of the last mini-batches, smoothed: <strong>${number(last)}</strong></p>
      <${Picture} draw=${draw} deps=${[losses]} height=${44} label=${`loss of the last mini-batches, now ${number(last)}`} />
    </div>
  `;
}
