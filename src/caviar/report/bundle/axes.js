// Axes of pictures on a canvas: scales from values to pixels, their ticks, and the frame around a picture.
//
// Notation
//   low, high  the ends of an axis in values;  from, to  the same ends in pixels
//   u          unit coordinate of a hyperparameter on its own scale, 0 to 1

import { number } from "./format.js";

// A linear scale; `ticks` are round values with their texts, whole numbers alone where `whole` says so.
export function linear(low, high, from, to, whole = false) {
  if (!(high > low)) [low, high] = [low - (Math.abs(low) || 1) * 0.05, low + (Math.abs(low) || 1) * 0.05];
  const at = (value) => from + ((value - low) / (high - low)) * (to - from);
  at.invert = (pixel) => low + ((pixel - from) / (to - from)) * (high - low);
  at.ends = [low, high];
  at.ticks = (most = 5) => {
    let step;
    let found;
    for (let wanted = Math.max(most, 1); wanted <= 4 * most; wanted += 1) { // one tick alone says nothing of the scale
      step = Math.max(roundStep((high - low) / wanted), whole ? 1 : 0);
      found = [];
      for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k * step + 0); // + 0: no -0
      if (found.length > 1) break;
    }
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return found.map((value) => [value, tickText(value, digits)]);
  };
  return at;
}

// A scale of logarithms, for values above 0; ticks at 1, 2 and 5 of each power of ten, or at fewer of them.
export function logarithmic(low, high, from, to) {
  if (!(high > low)) [low, high] = [low / 1.5, low * 1.5];
  const [a, b] = [Math.log(low), Math.log(high)];
  const at = (value) => from + ((Math.log(value) - a) / (b - a)) * (to - from);
  at.invert = (pixel) => Math.exp(a + ((pixel - from) / (to - from)) * (b - a));
  at.ends = [low, high];
  at.ticks = (most = 5) => {
    const sparse = Math.max(1, Math.ceil(Math.log10(high / low) / Math.max(most, 1)));
    for (const [steps, every] of [[[1, 2, 5], 1], [[1, 3], 1], [[1], 1], [[1], sparse]]) {
      const found = [];
      for (let k = Math.floor(Math.log10(low)); k <= Math.ceil(Math.log10(high)); k++) {
        if (k % every !== 0) continue;
        for (const step of steps) {
          const value = step * 10 ** k;
          if (value >= low * 0.999 && value <= high * 1.001) found.push([value, number(value)]);
        }
      }
      if (found.length < 2) break;
      if (found.length <= most + 2) return found;
    }
    return [low, Math.sqrt(low * high), high].map((value) => [value, number(value, 2)]);
  };
  return at;
}

// A scale over given values, such as the epochs of the rungs: logarithmic, ticks at those values.
export function unit(ticks, from, to) {
  const at = (u) => from + u * (to - from);
  at.invert = (pixel) => (pixel - from) / (to - from);
  at.ends = [0, 1];
  at.ticks = () => ticks;
  return at;
}

function roundStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough * 0.999);
  return step * power;
}

function tickText(value, digits) {
  const size = Math.abs(value);
  if (size >= 1e5 || (size > 0 && digits > 5)) return number(value, 3);
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// The ends of an axis of scores: the best, and the worst but for those that are far out.
//
// Losses of trials on their way to divergence would press all others into one line, so an axis ends at three times the
// distance of the quartiles beyond the worse one, where that makes it less than half as long. Returns
// {low, high, beyond: how many lie outside, log}.
export function scoreRange(scores, goal) {
  const found = scores.filter((x) => x !== null && Number.isFinite(x)).sort((a, b) => a - b);
  if (found.length === 0) return null;
  const n = found.length;
  let [low, high] = [found[0], found[n - 1]];
  const log = goal === "minimize" && low > 0 && found[Math.floor((n - 1) * 0.9)] / low > 50;
  if (n >= 20) {
    const [lower, upper] = [found[n >> 2], found[(3 * n) >> 2]];
    const reach = 3 * (upper - lower);
    if (log) high = Math.min(high, found[Math.floor((n - 1) * 0.95)]);
    else if (goal === "minimize" && reach > 0 && high - low > 2 * (upper + reach - low)) high = upper + reach;
    else if (goal !== "minimize" && reach > 0 && high - low > 2 * (high - lower + reach)) low = lower - reach;
  }
  const beyond = found.filter((x) => x < low || x > high).length;
  if (!log) {
    const room = (high - low) * 0.04 || Math.abs(high) * 0.01 || 0.5;
    [low, high] = [low - room, high + room];
  }
  return { low, high, beyond, log };
}

export const scoreScale = ({ low, high, log }, from, to) => (log ? logarithmic(low / 1.1, high * 1.1, from, to) : linear(low, high, from, to));

// --- the frame ---

export const MARGIN = { left: 54, right: 14, top: 22, bottom: 36 };

export const inside = ({ width, height }, margin = MARGIN) => ({
  left: margin.left,
  right: width - margin.right,
  top: margin.top,
  bottom: height - margin.bottom,
});

// Grid lines, ticks and titles. The title of y stands above its axis, so that nobody has to turn their head.
export function drawFrame(context, box, { x, y, xTitle, yTitle, xTicks, yTicks }, shades) {
  context.lineWidth = 1;
  context.fillStyle = shades.muted;
  context.strokeStyle = shades.line;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const [value, text] of y ? (yTicks ?? y.ticks(Math.max(2, Math.round((box.bottom - box.top) / 45)))) : []) {
    const at = Math.round(y(value)) + 0.5;
    if (at < box.top - 1 || at > box.bottom + 1) continue;
    line(context, box.left, at, box.right, at);
    context.fillText(text, box.left - 7, at, box.left - 9);
  }
  context.textBaseline = "top";
  const drawn = [];
  for (const [value, text] of x ? (xTicks ?? x.ticks(Math.max(2, Math.round((box.right - box.left) / 80)))) : []) {
    const at = Math.round(x(value)) + 0.5;
    if (at < box.left - 1 || at > box.right + 1) continue;
    const half = context.measureText(text).width / 2;
    const centre = Math.min(Math.max(at, half + 1), box.right + MARGIN.right - half - 1);
    line(context, at, box.bottom, at, box.bottom + 4);
    if (drawn.some((end) => Math.abs(end.centre - centre) < end.half + half + 6)) continue;
    drawn.push({ centre, half });
    context.textAlign = "center";
    context.fillText(text, centre, box.bottom + 6);
  }
  context.strokeStyle = shades.strong;
  line(context, box.left, box.bottom + 0.5, box.right, box.bottom + 0.5);
  context.fillStyle = shades.muted;
  if (yTitle) {
    context.textAlign = "left";
    context.textBaseline = "top";
    context.fillText(yTitle, 2, 1);
  }
  if (xTitle) {
    context.textAlign = "right";
    context.textBaseline = "bottom";
    context.fillText(xTitle, box.right, box.bottom + MARGIN.bottom);
  }
}

export function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

// A mark of a trial: its form says its state too, for those who do not see the colours.
export function mark(context, x, y, size, state) {
  if (state === "diverged" || state === "failed" || state === "out_of_memory") {
    context.beginPath();
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y + size);
    context.moveTo(x + size, y - size);
    context.lineTo(x - size, y + size);
    context.strokeStyle = context.fillStyle;
    context.stroke();
  } else if (size < 2.5) {
    context.fillRect(x - size, y - size, 2 * size, 2 * size);
  } else {
    context.beginPath();
    context.arc(x, y, size, 0, 2 * Math.PI);
    context.fill();
  }
}

export const markSize = (n) => (n > 3000 ? 1.25 : n > 600 ? 2 : n > 100 ? 3 : 4);

// The row of the nearest point within `reach` pixels, or null. at(row) -> [x, y] or null.
export function nearest(n, at, x, y, reach = 14) {
  let best = null;
  let least = reach * reach;
  for (let row = 0; row < n; row++) {
    const place = at(row);
    if (place === null) continue;
    const distance = (place[0] - x) ** 2 + (place[1] - y) ** 2;
    if (distance < least) [least, best] = [distance, row];
  }
  return best;
}

// The colour of a state on a canvas.
export function stateColour(state, shades) {
  return (
    { finished: shades.blue, running: shades.green, stopped: shades.grey, interrupted: shades.orange, infeasible: shades.purple }[state] ??
    shades.vermilion
  );
}
