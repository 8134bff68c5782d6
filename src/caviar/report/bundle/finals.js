// Finals: the score of each finalist when it was chosen, its repeats, and the sealed test of the winner.

import { html } from "./vendor/htm/standalone.module.js";
import { drawFrame, inside, line, linear } from "./axes.js";
import { Card, Key } from "./components.js";
import { count, number, score as scoreText } from "./format.js";
import { scoreTitle } from "./history.js";
import { Picture } from "./plot.js";
import { open } from "./selection.js";

const LANE = 34;
const MARGIN = { left: 92, right: 18, top: 6, bottom: 40 };

export function Finals({ study }) {
  const { finals, answer } = study;
  if (!finals?.finalists.length) return null;
  const scores = answer?.alone?.test ?? answer?.test ?? {}; // of the finalist that won, as all in this picture are
  const test = scores[study.metric] ?? null;
  const ends = test === null ? [] : [scores[`${study.metric}_low`] ?? test, scores[`${study.metric}_high`] ?? test];
  const rows = [...finals.finalists];
  const longest = Math.max(...rows.map((one) => one.epochs ?? 0));
  const early = rows.filter((one) => one.epochs && one.epochs < longest);
  const lanes = rows.length + (test === null ? 0 : 1);
  const found = [...rows.flatMap((one) => [one.when_chosen, one.mean, ...one.scores]), test, ...ends].filter((x) => x !== null && x !== undefined);
  if (!found.length) return null;
  const [low, high] = [Math.min(...found), Math.max(...found)];
  const room = (high - low) * 0.08 || Math.abs(high) * 0.01 || 0.01;
  const scales = (size) => {
    const box = inside(size, MARGIN);
    return { box, x: linear(low - room, high + room, box.left, box.right), y: (k) => box.top + (k + 0.5) * LANE };
  };
  const draw = (context, size, shades) => {
    const { box, x, y } = scales(size);
    drawFrame(context, box, { x, y, yTicks: [], xTitle: scoreTitle(study) }, shades);
    rows.forEach((one, k) => {
      const won = one.trial === finals.winner;
      context.textAlign = "right";
      context.textBaseline = "middle";
      context.fillStyle = won ? shades.ink : shades.muted;
      context.font = context.font.replace(/^(600 )?/, won ? "600 " : "");
      context.fillText(`trial ${one.trial}`, box.left - 10, y(k));
      context.font = context.font.replace("600 ", "");
      context.strokeStyle = shades.line;
      line(context, box.left, y(k), box.right, y(k));
      if (one.mean !== null && one.when_chosen !== null) {
        context.strokeStyle = won ? shades.orange : shades.grey;
        context.lineWidth = 2;
        line(context, x(one.when_chosen), y(k), x(one.mean), y(k));
        context.lineWidth = 1;
      }
      for (const score of one.scores) if (score !== null) dot(context, x(score), y(k), 2.2, shades.blue, 0.65);
      if (one.when_chosen !== null) ring(context, x(one.when_chosen), y(k), 5, shades.muted, shades.card);
      if (one.mean !== null) dot(context, x(one.mean), y(k), 5.5, won ? shades.orange : shades.blue, 1);
    });
    if (test !== null) {
      const k = rows.length;
      context.fillStyle = shades.ink;
      context.textAlign = "right";
      context.textBaseline = "middle";
      context.fillText("sealed test", box.left - 10, y(k));
      context.strokeStyle = shades.vermilion;
      context.lineWidth = 2;
      line(context, x(ends[0]), y(k), x(ends[1]), y(k));
      for (const end of ends) line(context, x(end), y(k) - 5, x(end), y(k) + 5);
      context.lineWidth = 1;
      context.fillStyle = shades.vermilion;
      context.fillRect(x(test) - 4.5, y(k) - 4.5, 9, 9);
    }
  };
  const at = (py) => Math.floor((py - MARGIN.top) / LANE);
  const told = (px, py) => {
    const one = rows[at(py)];
    if (!one) {
      if (at(py) !== rows.length || test === null) return null;
      return ["sealed test", `${scoreText(test)} (95 %: ${scoreText(ends[0])} to ${scoreText(ends[1])})`];
    }
    const each = one.scores.map((score) => (score === null ? "diverged" : scoreText(score))).join(", ");
    return [
      `trial ${one.trial}${one.trial === finals.winner ? ", the winner" : ""}`,
      `in the search: ${scoreText(one.when_chosen)}${one.epochs ? ` after ${count(one.epochs, "epoch")}` : ""}`,
      `trained again, mean: ${one.mean === null ? "diverged" : scoreText(one.mean)}`,
      `each time: ${each || "not yet"}`,
      ...(one.parameters ? [`${number(one.parameters)} parameters`] : []),
    ];
  };
  return html`
    <${Card} title="Finals: the best, trained again" help="finals">
      <${Picture} height=${lanes * LANE + MARGIN.top + MARGIN.bottom} draw=${draw} deps=${[finals, answer]} onPoint=${told}
        onPick=${(x, y) => rows[at(y)] && open(study.name, rows[at(y)].trial)} label=${[...finals.verdict].join(" ") || "The finalists"} />
      <${Key} items=${[["hollow", "in the search"], ["dot small", "each time again"], ["dot", "mean"], ["dot won", "mean of the winner"], test !== null && ["square", "sealed test, 95 % interval"]]} />
      ${early.length > 0 && html`<p class="small">${early.map((one) => `trial ${one.trial} had ${count(one.epochs, "epoch")}`).join(", ")} in the search, fewer than the others: there the way to the mean is that of learning, and not of luck.</p>`}
      ${finals.verdict.filter((sentence) => !sentence.startsWith("Config: ")).map((sentence) => html`<p><bdi>${sentence}</bdi></p>`)}
    </${Card}>
  `;
}

function dot(context, x, y, size, colour, alpha) {
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, size, 0, 2 * Math.PI);
  context.fill();
  context.globalAlpha = 1;
}

function ring(context, x, y, size, colour, inner) {
  context.beginPath();
  context.arc(x, y, size, 0, 2 * Math.PI);
  context.fillStyle = inner;
  context.fill();
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.stroke();
  context.lineWidth = 1;
}
