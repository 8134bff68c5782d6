// The inside of a network's layers by epochs: a small picture a measure, a line a layer.

import { html, useMemo, useRef } from "./vendor/htm/standalone.module.js";
import { Card, hideTip, showTip } from "./components.js";
import { count, number, percent } from "./format.js";
import { Lines, colours, viridis } from "./plot.js";
import { use } from "./state.js";

const MEASURES = [
  ["gradient_norm", "Gradient", "Level is healthy; towards 0 in early layers the signal vanishes, rising steeply it explodes.", { log: true }],
  ["update_to_weight", "Update to weight", "Near 0.001 is healthy; above 0.1 a step tears the weights up, below 0.000001 nothing is learned.", { log: true, mark: 1e-3 }],
  ["activation_std", "Spread of activations", "Similar in all layers is healthy; near 0 a layer says the same of every row.", {}],
  ["dead", "Dead units", "The share of ReLU units that are 0 for every row; they learn nothing any more.", { share: true }],
  ["saturated", "Saturated units", "The share of tanh or sigmoid units at their ends, where gradients are nearly 0.", { share: true }],
  ["drift", "Drift of batch norm", "How far running means moved in an epoch, in standard deviations; it should calm down.", {}],
];

export function Inside({ run }) {
  const { dark } = use(colours);
  const layers = run.inside.gradient_norm.length;
  const shades = useMemo(() => Array.from({ length: layers }, (_, i) => viridis((dark ? 0.3 : 0) + ((dark ? 0.7 : 0.82) * i) / Math.max(layers - 1, 1))), [layers, dark]);
  return html`
    <${Card} title="Inside of the layers" help="run_inside" wide>
      <${Key} shades=${shades} />
      <div class="small-multiples">
        ${measured(run.inside).map(([name, title, sentence, look]) => html`
          <div class="chart" key=${name}>
            <h3>${title}</h3>
            <p class="help">${sentence}</p>
            <${Measure} epochs=${run.epochs} columns=${run.inside[name]} look=${look} title=${title} shades=${shades} />
          </div>
        `)}
      </div>
    </${Card}>
  `;
}

// Measures that are 0 everywhere, or missing, come last: there is nothing to see.
function measured(inside) {
  const says = ([name]) => inside[name].some((column) => column.some((each) => each));
  return [...MEASURES.filter(says), ...MEASURES.filter((each) => !says(each))];
}

// Colours of the layers: all by name where they are few, else the first and the last.
function Key({ shades }) {
  const colour = (shade) => (element) => element && (element.style.background = shade);
  const name = (i) => (i === shades.length - 1 ? "output layer" : `layer ${i + 1}`);
  const few = shades.length <= 8;
  const shown = few ? shades.map((_, i) => i) : [0, Math.floor(shades.length / 2), shades.length - 1];
  return html`<p class="key layers">${shown.map((i) => html`<span><i ref=${colour(shades[i])}></i>${name(i)}</span>`)}${!few && html`<span>${count(shades.length, "layer")}</span>`}</p>`;
}

function Measure({ epochs, columns, look, title, shades }) {
  const { x, lines } = useMemo(() => {
    const rows = epochs.epoch.map((_, row) => row).filter((row) => !epochs.undone[row] && columns.some((column) => column[row] !== null && column[row] !== undefined));
    return { x: rows.map((row) => epochs.epoch[row] || epochs.step[row]), lines: columns.map((column) => rows.map((row) => column[row] ?? null)) };
  }, [epochs, columns]);
  const all = lines.flat().filter((each) => each !== null);
  const log = look.log && all.some((each) => each > 0);
  const latest = useRef(null);
  latest.current = { x, lines, look };
  const options = useMemo(() => optionsOf(shades, log, look, latest), [shades, log, look]);
  const data = useMemo(() => [x, ...lines.map((line) => (log ? line.map((each) => (each > 0 ? each : null)) : line))], [x, lines, log]);
  if (!all.length) return html`<p class="empty">Not measured in this network.</p>`;
  if (all.every((each) => each === 0)) return html`<p class="empty">None: 0 in every layer.</p>`;
  return html`<${Lines} data=${data} options=${options} height=${150} label=${`${title} of ${count(lines.length, "layer")} by epoch`} />`;
}

function optionsOf(shades, log, look, latest) {
  const text = (each) => (look.share ? percent(each) : number(each, 3));
  const scale = log ? { distr: 3 } : { range: (_, low, high) => [Math.min(low, 0), high > 0 ? high * 1.08 : 1] };
  return {
    legend: { show: false },
    scales: { x: { time: false }, y: scale },
    axes: [{ size: 26 }, { size: 56, space: 28, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : text(tick))) }],
    series: [{}, ...shades.map((stroke) => ({ stroke, width: 1.6, spanGaps: true, points: { show: (_, at) => latest.current.lines[at - 1].length < 2, size: 5 } }))],
    cursor: { drag: { x: true, y: false }, points: { show: false } },
    hooks: {
      draw: [(plot) => look.mark && level(plot, look.mark)],
      setCursor: [(plot) => {
        const { left, top, idx } = plot.cursor;
        if (left < 0 || idx === null || idx === undefined) return hideTip();
        const { x, lines } = latest.current;
        const box = plot.over.getBoundingClientRect();
        const said = lines.map((line, i) => line[idx] !== null && `${i === lines.length - 1 ? "output layer" : `layer ${i + 1}`}: ${text(line[idx])}`).filter(Boolean);
        showTip(box.left + left, box.top + top, [`epoch ${number(x[idx])}`, ...said.slice(0, 12)]);
      }],
    },
  };
}

// A dotted level that healthy networks keep close to.
function level(plot, at) {
  const { ctx, bbox } = plot;
  const y = plot.valToPos(at, "y", true);
  if (!(y >= bbox.top && y <= bbox.top + bbox.height)) return;
  ctx.save();
  ctx.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--green").trim();
  ctx.setLineDash([3, 5]);
  ctx.lineWidth = devicePixelRatio || 1;
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}
