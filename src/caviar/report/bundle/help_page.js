// The page of help: every picture, what to look for in it, and a link to the document that says all.

import { html, useEffect } from "./vendor/htm/standalone.module.js";
import { HELP } from "./help.js";
import { isReport } from "./state.js";

export function HelpPage({ key_ }) {
  useEffect(() => {
    document.title = "Caviar: help";
    document.getElementById(`help-${key_}`)?.scrollIntoView();
    document.getElementById(`help-${key_}`)?.focus({ preventScroll: true });
  }, [key_]);
  return html`
    <h1>How to read the pictures</h1>
    <div class="reading">
      ${Object.entries(HELP).map(
        ([key, { title, look, more = [], document: written }]) => html`
          <section id=${`help-${key}`} tabindex="-1" class=${key === key_ ? "chosen" : ""}>
            <h2>${title}</h2>
            <p><strong>${look}</strong></p>
            ${more.map((text) => html`<p>${text}</p>`)}
            ${written && html`<p class="small">All of it: ${isReport ? html`<code>${written}</code>, which comes with Caviar; <code>caviar dashboard</code> shows it` : html`<a href=${written}>${written}</a>`}</p>`}
          </section>
        `,
      )}
    </div>
  `;
}
