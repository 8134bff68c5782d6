// The knobs of a run: what they stand at, and with the right to write, controls that turn them.

import { html, useEffect, useState } from "./vendor/htm/standalone.module.js";
import { Card, Empty, Name, Notice } from "./components.js";
import { count, number, words } from "./format.js";
import { act } from "./state.js";

export function Knobs({ run, path, writes }) {
  const [asked, setAsked] = useState({}); // by name: the text of the value that is asked for
  const shown = run.knobs.filter((knob) => knob.effective);
  const others = run.knobs.filter((knob) => !knob.effective);
  const set = (name, text) => setAsked((before) => ({ ...before, [name]: text }));
  const changed = Object.fromEntries(run.knobs.filter((knob) => isChanged(knob, asked[knob.name])).map((knob) => [knob.name, asked[knob.name].trim()]));
  const row = (knob) => html`<${Knob} key=${knob.name} knob=${knob} text=${asked[knob.name]} writes=${writes} onText=${(text) => set(knob.name, text)} />`;
  return html`
    <${Card} title="Knobs" help="run_knobs">
      ${run.knobs.length === 0 && html`<${Empty}>This run has no knobs.</${Empty}>`}
      <div class="knobs">${shown.map(row)}</div>
      ${others.length > 0 && html`<details><summary>${count(others.length, "more knob")} that change nothing as they stand</summary><div class="knobs">${others.map(row)}</div></details>`}
      ${writes && run.knobs.length > 0 && html`<${Turn} changed=${changed} path=${path} onTurned=${() => setAsked({})} />`}
    </${Card}>
  `;
}

const shown = (value) => (typeof value === "number" ? number(value) : String(value));
const isChanged = (knob, text) => text !== undefined && text.trim() !== "" && text.trim() !== String(knob.value) && Number(text) !== knob.value;

function Knob({ knob, text, writes, onText }) {
  const can = writes && knob.scale !== "fixed";
  const now = text ?? String(knob.value);
  return html`
    <div class=${`knob${isChanged(knob, text) ? " changed" : ""}`}>
      <span class="knob-name"><${Name} text=${words(knob.name)} long=${40} /></span>
      <span class="knob-value"><${Name} text=${shown(knob.value)} long=${40} /></span>
      ${can && html`<${Control} knob=${knob} now=${now} onText=${onText} />`}
    </div>
  `;
}

function Control({ knob, now, onText }) {
  const label = `New value of ${words(knob.name).slice(0, 60)}`;
  if (knob.scale === "choices") {
    return html`
      <select aria-label=${label} value=${now} onChange=${(event) => onText(event.target.value)}>
        ${knob.choices.map((choice) => html`<option value=${String(choice)} selected=${String(choice) === now}>${String(choice)}</option>`)}
      </select>
    `;
  }
  const scale = sliderOf(knob);
  const place = scale && Number.isFinite(Number(now)) ? Math.min(Math.max(scale.place(Number(now)), 0), 1) : 0;
  return html`
    ${scale && html`<input type="range" class="slider" min="0" max="1" step="0.005" value=${place} aria-label=${`${label}, slider`} aria-valuetext=${now} onInput=${(event) => onText(scale.text(Number(event.target.value)))} />`}
    <input type="text" class="field" inputmode=${knob.scale === "text" ? "text" : "decimal"} maxlength="1000" autocomplete="off" aria-label=${label} value=${now} onInput=${(event) => onText(event.target.value)} />
  `;
}

const SPAN = 100; // a slider without near limits goes from a hundredth to a hundredfold of the value

// The slider of a knob on its own scale: place(value) and text(place), places from 0 to 1; null where only a field helps.
function sliderOf({ scale, value, low, high }) {
  if (typeof value !== "number") return null;
  if (scale === "log" && value > 0) return logSlider(Math.max(low, value / SPAN), Math.min(high, value * SPAN), (each) => precise(each));
  if (scale === "integer" && value > 0) return logSlider(Math.max(low, value / 16), Math.min(high, value * 16), (each) => String(Math.round(each)));
  if (scale === "one_minus_log") {
    const inner = logSlider(Math.max(1 - high, 1e-4), 1, (each) => String(Number((1 - each).toPrecision(4))));
    return { place: (each) => 1 - inner.place(1 - each), text: (place) => inner.text(1 - place) };
  }
  if (scale === "linear" && high - low <= 1) return { place: (each) => (each - low) / (high - low), text: (place) => precise(low + place * (high - low)) };
  if (scale === "linear" && value > 0) return logSlider(value / SPAN, Math.min(high, value * SPAN), (each) => precise(each));
  return null;
}

function logSlider(low, high, text) {
  const span = Math.log(high / low);
  return { place: (each) => Math.log(each / low) / span, text: (place) => text(low * Math.exp(place * span)) };
}

const precise = (value) => String(Number(value.toPrecision(3)));

// The button, with the reason for the diary.
function Turn({ changed, path, onTurned }) {
  const [because, setBecause] = useState("");
  const [busy, setBusy] = useState(false);
  const [answer, setAnswer] = useState(null);
  const names = Object.keys(changed);
  useEffect(() => {
    if (names.length) setAnswer(null);
  }, [names.join()]);
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    const found = await act(`${path}/turn`, { changes: changed, because });
    setBusy(false);
    setAnswer(found);
    if (found.said) {
      setBecause("");
      onTurned();
    }
  };
  return html`
    <form class="turn-form" onSubmit=${send} aria-label="Turn knobs">
      <label>Why, for the diary <input type="text" maxlength="2000" autocomplete="off" placeholder="optional" value=${because} onInput=${(event) => setBecause(event.target.value)} /></label>
      <div class="controls">
        <button type="submit" class="main" disabled=${busy || names.length === 0}>${names.length < 2 ? "Turn" : `Turn ${count(names.length, "knob")}`}</button>
        ${names.length > 0 && html`<button type="button" onClick=${onTurned}>Leave as they are</button>`}
      </div>
      ${names.length > 0 && html`<p class="small">${names.map((name) => `${words(name)} to ${changed[name]}`).join(", ").slice(0, 300)}</p>`}
      ${answer && (answer.said ? html`<${Notice} kind="said"><p>${answer.said}</p></${Notice}>` : html`<${Notice} trouble=${answer} />`)}
    </form>
  `;
}
