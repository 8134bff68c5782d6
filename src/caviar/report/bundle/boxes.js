// Boxes of coarse to fine: the ranges that the search drew from, over the trials, with the reason of each.

import { html } from "./vendor/htm/standalone.module.js";
import { drawFrame, inside, linear, unit } from "./axes.js";
import { Card, Empty, Name } from "./components.js";
import { capital, number } from "./format.js";
import { Picture, viridis } from "./plot.js";
import { pick, lines } from "./history.js";
import { nearest } from "./axes.js";

const HEIGHT = 170;
const MARGIN = { left: 58, right: 12, top: 8, bottom: 26 };
const FIRST = 8; // reasons that are shown at once

export function Boxes({ study }) {
  const end = study.trials.number.at(-1) ?? 0;
  const boxes = (study.boxes ?? []).map((box) => ({ ...box, last: box.last ?? end })); // one is open still
  const remarks = study.remarks ?? [];
  if (boxes.length === 0) {
    if (study.search !== "coarse_to_fine" && remarks.length === 0) return null;
    const few = "The whole space is still searched: too few trials have been trained to the end to narrow it.";
    return html`
      <${Card} title="Where the search went" help="boxes" wide>
        ${study.search === "coarse_to_fine" && html`<${Empty}>${few}</${Empty}>`}
        ${remarks.map((remark) => html`<p>${capital(remark)}.</p>`)}
      </${Card}>
    `;
  }
  const names = new Set(boxes.flatMap((box) => Object.keys(box.bands)));
  const axes = study.hyperparameters.filter((each) => names.has(each.name));
  return html`
    <${Card} title="Where the search went" help="boxes" wide>
      <div class="slices">${axes.map((axis) => html`<${Panel} key=${axis.name} study=${study} axis=${axis} boxes=${boxes} />`)}</div>
      <${Reasons} boxes=${boxes} />
      ${remarks.map((remark) => html`<p class="small">${capital(remark)}.</p>`)}
    </${Card}>
  `;
}

function Reasons({ boxes }) {
  const shown = boxes.slice(0, FIRST);
  const rest = boxes.slice(FIRST);
  return html`
    <ol class="reasons">${shown.map((box) => html`<${Reason} key=${box.number} box=${box} />`)}</ol>
    ${rest.length > 0 &&
    html`<details><summary>${number(rest.length)} more boxes</summary><ol class="reasons">${rest.map((box) => html`<${Reason} key=${box.number} box=${box} />`)}</ol></details>`}
  `;
}

function Reason({ box }) {
  return html`
    <li>
      <strong>box ${box.number}</strong> <span class="small">from trial ${number(box.first)} to ${number(box.last)}</span>
      <div><bdi>${capital(box.reason)}.</bdi></div>
      <div class="small">
        ${Object.entries(box.ranges).map(([name, range], i) => html`${i > 0 && "; "}<${Name} text=${name} long=${40} />: <bdi>${range}</bdi>`)}
      </div>
    </li>
  `;
}

function Panel({ study, axis, boxes }) {
  const { trials } = study;
  const u = trials.u[axis.name] ?? [];
  const last = Math.max(trials.number.at(-1) ?? 0, ...boxes.map((box) => box.last), 1);
  const scales = (size) => {
    const box = inside(size, MARGIN);
    return { box, x: linear(0, last, box.left, box.right, true), y: unit(axis.ticks, box.bottom - 3, box.top + 3) };
  };
  const place = (size) => {
    const { x, y } = scales(size);
    return (row) => (u[row] === null || u[row] === undefined ? null : [x(trials.number[row]), y(u[row])]);
  };
  const draw = (context, size, shades) => {
    const { box, x, y } = scales(size);
    for (const each of boxes) {
      const band = each.bands[axis.name];
      if (!band) continue;
      const [left, right] = [x(each.first), Math.max(x(each.last), x(each.first) + 2)];
      context.fillStyle = shades.orange;
      context.globalAlpha = 0.2;
      context.fillRect(left, y(band[1]), right - left, y(band[0]) - y(band[1]));
      context.globalAlpha = 0.9;
      context.strokeStyle = shades.orange;
      context.strokeRect(left + 0.5, y(band[1]) + 0.5, right - left - 1, y(band[0]) - y(band[1]) - 1);
      context.globalAlpha = 1;
    }
    const at = place(size);
    const size_ = trials.number.length > 2000 ? 0.8 : 1.4;
    for (let row = 0; row < trials.number.length; row++) {
      const found = at(row);
      if (found === null) continue;
      context.fillStyle = viridis(shades.dark ? 0.2 + 0.8 * trials.rank[row] : 0.92 * trials.rank[row]);
      context.globalAlpha = 0.75;
      context.fillRect(found[0] - size_, found[1] - size_, 2 * size_, 2 * size_);
    }
    context.globalAlpha = 1;
    drawFrame(context, box, { x, y }, shades);
  };
  const told = (px, py, size) => {
    const { x, y } = scales(size);
    const row = nearest(trials.number.length, place(size), px, py, 8);
    if (row !== null) return lines(study, row, [axis.name]);
    const [n, at] = [x.invert(px), y.invert(py)];
    const inBox = boxes.filter(({ first, last: end, bands }) => n >= first && n <= end && bands[axis.name] && at >= bands[axis.name][0] && at <= bands[axis.name][1]);
    return inBox.length ? inBox.flatMap((box) => [`box ${box.number}: ${box.ranges[axis.name]}`.slice(0, 200), box.reason.slice(0, 400)]) : null;
  };
  return html`
    <figure>
      <figcaption><strong><${Name} text=${axis.name} long=${40} /></strong> <span class="small">against trials</span></figcaption>
      <${Picture} height=${HEIGHT} draw=${draw} deps=${[trials, boxes]} onPoint=${told} label=${`Boxes of ${axis.name}`.slice(0, 200)}
        onPick=${(x, y, size) => pick(study, nearest(trials.number.length, place(size), x, y, 8))} />
    </figure>
  `;
}
