// The page of a run: one network that is nursed while it trains, or anyone's training loop.

import { html, useEffect } from "./vendor/htm/standalone.module.js";
import { Act, Empty, Name, Notice, State } from "./components.js";
import { when } from "./format.js";
import { explain } from "./help.js";
import { Curves } from "./run_curves.js";
import { Diary, Remarks } from "./run_diary.js";
import { Family } from "./run_family.js";
import { Knobs } from "./run_knobs.js";
import { Inside } from "./run_layers.js";
import { Printed } from "./printed.js";
import { Snapshots } from "./run_snapshots.js";
import { Standing, over, shownState } from "./run_standing.js";
import { act, useDocument } from "./state.js";

explain({
  run_curves: {
    title: "Learning curves",
    look: "Validation that rises while training falls is overfitting; both high and flat is a rate that is too low; jumps are one that is too high.",
    more: [
      "The strong lines are smoothed over two or three epochs, the faint ones are the numbers themselves. What a rollback has undone stays as a dashed line.",
      "Marks above the picture are what people and the nurse did; the tooltip says what and why.",
    ],
    document: "docs/babysit.md",
  },
  run_inside: {
    title: "Inside of the layers",
    look: "Healthy layers stay close together and level; one that leaves the others is the one to look at.",
    more: ["Every number is measured after an epoch, on one mini-batch, without changing anything."],
    document: "docs/nurse.md",
  },
  run_knobs: {
    title: "Knobs",
    look: "A turn takes effect at the next mini-batch, and stands in the diary with your reason.",
    more: ["A turn of the learning rate begins its schedule anew: the rate that is asked for is the rate from the next mini-batch on."],
    document: "docs/babysit.md",
  },
  run_snapshots: {
    title: "Snapshots",
    look: "A snapshot is the whole state: a run goes back to it to the bit, and a branch begins from it.",
    more: ["The oldest and poorest are removed when the disk's share is full; those that somebody asked for go last."],
    document: "docs/babysit.md",
  },
  run_family: {
    title: "Family",
    look: "Branches stand below the run that they began from; compare their best epochs.",
    document: "docs/babysit.md",
  },
  run_diary: {
    title: "Diary",
    look: "Everything that anybody did to this run, with the reason; it can be replayed to the bit.",
    more: ["caviar replay trains the run again with the same turns at the same mini-batches, and compares the bits."],
    document: "docs/babysit.md",
  },
  run_remarks: {
    title: "The nurse's remarks",
    look: "What the nurse noticed and did by her rules; the last one first.",
    document: "docs/nurse.md",
  },
});

export function RunPage({ name }) {
  const path = `runs/${encodeURIComponent(name)}`;
  const { document: run, trouble, gone } = useDocument(path);
  useEffect(() => {
    document.title = `${name.slice(0, 80)}: Caviar`;
  }, [name]);
  if (!run) {
    const said = gone ? html`<p>Go back to <a href="#/">all studies and runs</a>.</p>` : null;
    return html`<h1><${Name} text=${name} /></h1><${Notice} trouble=${trouble}>${said}</${Notice}>${!trouble && html`<${Empty}>Reading the store ...</${Empty}>`}`;
  }
  const writes = run.writes === true && !gone;
  return html`
    <div class="title">
      <h1><${Name} text=${run.name} /></h1>
      <${State} state=${shownState(run)} alive=${run.alive} />
      <p class="small">${KINDS[run.trainee] ?? run.trainee}, begun ${when(run.created)}${run.parent && html`, branch of <a href=${`#/run/${encodeURIComponent(run.parent)}`}><${Name} text=${run.parent} /></a>`}</p>
    </div>
    ${gone ? html`<${Notice} trouble=${{ rule: "This run was deleted.", way_out: "The page shows what it had." }} />` : html`<${Notice} trouble=${trouble} />`}
    <div class="headline">
      <${Standing} run=${run} />
      ${writes && html`<${Acts} run=${run} path=${path} />`}
    </div>
    <div class="cards">
      <${Remarks} diary=${run.diary} />
      <${Curves} run=${run} />
      <${Knobs} run=${run} path=${path} writes=${writes && !over(run)} />
      <${Diary} diary=${run.diary} />
      ${run.inside && html`<${Inside} run=${run} />`}
      <${Snapshots} run=${run} path=${path} writes=${writes} />
      ${run.family.length > 1 && html`<${Family} run=${run} />`}
      <${Printed} path=${path} of=${run} />
    </div>
  `;
}

const KINDS = { network: "a network of Caviar's", program: "a program", loop: "a training loop" };

const BECAUSE = { name: "because", label: "Why, for the diary", placeholder: "optional", maxlength: 2000, autocomplete: "off" };

// What can be done to the whole run; knobs, snapshots and branches have their own places.
function Acts({ run, path }) {
  if (over(run)) return html`<p class="small">The run is over. A branch can begin from its snapshots.</p>`;
  const asks = (what) => (values) => act(`${path}/${what}`, { because: values.because });
  const rests = run.progress.paused || !run.alive;
  const how = run.alive ? "Let the run go on." : "Take the run up again from its newest snapshot, in a process of its own.";
  return html`
    <div class="controls">
      ${rests
        ? html`<${Act} key="continue" title="Continue" fields=${[BECAUSE]} explain=${how} onAct=${asks("continue")} />`
        : html`<${Act} key="pause" title="Pause" fields=${[BECAUSE]} explain="Hold the run at its next mini-batch." onAct=${asks("pause")} />`}
      <${Act} title="Snapshot" button="Save a snapshot" fields=${[BECAUSE]} explain="Save the whole state at the next mini-batch." onAct=${asks("snapshot")} />
      <${Act} title="Stop" button="Stop for good" fields=${[BECAUSE]} explain="End the run for good: it is scored, and its model saved. It cannot go on afterwards; a pause can." onAct=${asks("stop")} />
    </div>
  `;
}
