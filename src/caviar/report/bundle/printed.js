// What the command printed that was last started on this study or run from a page.

import { html, useEffect, useState } from "./vendor/htm/standalone.module.js";
import { Card } from "./components.js";
import { isReport, useDocument } from "./state.js";

// `of` is the document of the study or run at `path`: while it is open, the output is as new as that.
export function Printed({ path, of }) {
  return isReport ? null : html`<${Output} path=${`${path}/log`} of=${of} />`;
}

function Output({ path, of }) {
  const [open, setOpen] = useState(false);
  const { document: found, again } = useDocument(path, false);
  // Closed, it is asked for again when a process begins or ends; one may have done both between two looks.
  const wanted = open ? of : [of.alive, of.state, of.ended, of.interventions?.length].join();
  useEffect(() => void again(), [wanted]);
  if (!found?.log) return null;
  return html`
    <${Card} title="What its process printed" help="printed" wide>
      <details open=${open} onToggle=${(event) => setOpen(event.target.open)}>
        <summary>The output of the command that a page started last</summary>
        <pre tabindex="0" dir="auto">${found.log}</pre>
      </details>
    </${Card}>
  `;
}
