// Pictures: lines by uPlot, and canvases that a function draws. Both follow the width and the colours of the page.

import { html, useEffect, useRef } from "./vendor/htm/standalone.module.js";
import { signal } from "./vendor/signals/signals-core.module.js";
import { hideTip, showTip } from "./components.js";
import { use } from "./state.js";

const uPlot = globalThis.uPlot;
const FONT = "12px system-ui, -apple-system, 'Segoe UI', sans-serif";

// --- colours ---

const NAMES = ["ink", "muted", "line", "card", "ground", "blue", "sky", "orange", "vermilion", "green", "purple", "grey", "accent", "strong"];

function read() {
  const style = getComputedStyle(document.documentElement);
  const found = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return { ...found, dark: matchMedia("(prefers-color-scheme: dark)").matches };
}

// The colours of the page, by the names of its custom properties, and `dark`.
export const colours = signal(read());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (colours.value = read()));
addEventListener("load", () => (colours.value = read())); // the style sheet may come later than this file

// Viridis at t, 0 to 1: from dark blue, the worst, to yellow, the best; told apart without colour by its lightness.
const VIRIDIS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];
export function viridis(t, alpha = 1) {
  const at = Math.min(Math.max(t ?? 0, 0), 1) * (VIRIDIS.length - 1);
  const k = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const [r, g, b] = VIRIDIS[k].map((low, i) => Math.round(low + (at - k) * (VIRIDIS[k + 1][i] - low)));
  return `rgba(${r},${g},${b},${alpha})`;
}

// --- lines ---

// data: uPlot's columns. options: uPlot's, without width and height; a new object makes a new plot, so keep it with
// useMemo. legend shows values under the pointer. onPoint(index | null) is called as the pointer moves.
export function Lines({ data, options, height = 240, label }) {
  const place = useRef(null);
  const plot = useRef(null);
  const shades = use(colours);
  useEffect(() => {
    const element = place.current;
    const made = new uPlot({ ...themed(options, shades), width: Math.max(element.clientWidth, 50), height }, data, element);
    plot.current = made;
    const watch = new ResizeObserver(() => {
      const width = Math.max(element.clientWidth, 50);
      if (width !== made.width) made.setSize({ width, height });
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [options, shades, height]);
  useEffect(() => {
    if (plot.current && plot.current.data !== data) plot.current.setData(data);
  }, [data]);
  return html`<div class="plot" role="img" aria-label=${label} ref=${place}></div>`;
}

function themed(options, shades) {
  const axis = { stroke: shades.muted, font: FONT, labelFont: FONT, labelSize: 20, labelGap: 2 };
  const lines = { grid: { stroke: shades.line, width: 1 }, ticks: { show: false }, border: { show: false } };
  const axes = (options.axes ?? [{}, {}]).map((own) => ({ ...axis, ...lines, ...own }));
  const shade = (one) => (typeof one === "string" && one in shades ? shades[one] : one);
  const series = options.series.map((one) => ({ ...one, stroke: shade(one.stroke), fill: shade(one.fill) }));
  return { ...options, axes, series };
}

// --- canvases ---

// draw(context, {width, height}, colours) draws in CSS pixels, and again when `deps` change. onPoint(x, y, size)
// returns the lines of the tooltip, or null; onPick(x, y, size) is called on a click or a tap.
export function Picture({ draw, deps = [], height = 240, label, onPoint, onPick }) {
  const canvas = useRef(null);
  const shades = use(colours);
  const latest = useRef(draw);
  latest.current = draw;
  useEffect(() => {
    const element = canvas.current;
    let frame = 0;
    const paint = () => {
      frame = 0;
      late = false;
      const width = Math.max(element.parentElement.clientWidth, 50);
      const dense = devicePixelRatio || 1;
      element.width = Math.round(width * dense);
      element.height = Math.round(height * dense);
      element.style.width = `${width}px`;
      element.style.height = `${height}px`;
      const context = element.getContext("2d");
      context.setTransform(dense, 0, 0, dense, 0, 0);
      context.clearRect(0, 0, width, height);
      context.font = FONT;
      latest.current(context, { width, height }, shades);
    };
    let near = false;
    let late = true; // drawn only when the reader comes near
    const soon = () => {
      late = true;
      if (near) frame ||= requestAnimationFrame(paint);
    };
    const watch = new ResizeObserver(soon);
    const view = new IntersectionObserver(
      (entries) => {
        near = entries.at(-1).isIntersecting;
        if (near && late) frame ||= requestAnimationFrame(paint);
      },
      { rootMargin: "300px" },
    );
    element.style.height = `${height}px`;
    watch.observe(element.parentElement);
    view.observe(element);
    addEventListener("beforeprint", paint);
    return () => {
      removeEventListener("beforeprint", paint);
      view.disconnect();
      watch.disconnect();
      cancelAnimationFrame(frame);
    };
  }, [shades, height, ...deps]);
  const at = (event) => {
    const box = canvas.current.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top, { width: box.width, height: box.height }];
  };
  const point = onPoint && ((event) => showTip(event.clientX, event.clientY, onPoint(...at(event))));
  return html`
    <div class="picture">
      <canvas
        ref=${canvas} role="img" aria-label=${label} class=${onPick ? "pickable" : ""}
        onPointerMove=${point} onPointerDown=${point} onPointerLeave=${onPoint && hideTip}
        onClick=${onPick && ((event) => onPick(...at(event)))}
      ></canvas>
    </div>
  `;
}
