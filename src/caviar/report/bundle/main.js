// The page: its head, and the page that the address names after "#".

import { html, render, useEffect, useState } from "./vendor/htm/standalone.module.js";
import { Empty, Tooltip, hideTip } from "./components.js";
import { HelpPage } from "./help_page.js";
import { RunPage } from "./run.js";
import { isReport, start } from "./state.js";
import { StudiesPage } from "./studies.js";
import { StudyPage } from "./study.js";
import { ComparePage } from "./compare.js";

// Addresses, and their pages; a part that begins with ":" is a value of the page.
const ROUTES = [
  ["", StudiesPage],
  ["study/:name", StudyPage],
  ["study/:name/trial/:trial", StudyPage],
  ["compare/:a/:b", ComparePage],
  ["run/:name", RunPage],
  ["help", HelpPage],
  ["help/:key_", HelpPage],
];

function pageOf(hash) {
  const parts = hash.replace(/^#?\/?/, "").split("/");
  for (const [route, page] of ROUTES) {
    const names = route.split("/");
    if (names.length !== parts.length) continue;
    if (!names.every((name, i) => name.startsWith(":") || name === parts[i])) continue;
    const values = names.map((name, i) => [name.slice(1), decoded(parts[i])]).filter((_, i) => names[i].startsWith(":"));
    return [page, Object.fromEntries(values)];
  }
  return [Missing, {}];
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function Missing() {
  useEffect(() => void (document.title = "No such page: Caviar"), []);
  return html`<h1>There is no such page</h1><${Empty}>Go back to <a href="#/">all studies</a>.</${Empty}>`;
}

function App() {
  const [hash, setHash] = useState(location.hash || start);
  useEffect(() => {
    const moved = () => {
      hideTip();
      setHash(location.hash || start);
    };
    addEventListener("hashchange", moved);
    moved(); // the address may have changed between the drawing and the effect
    return () => removeEventListener("hashchange", moved);
  }, []);
  const [page, values] = pageOf(hash);
  // The same page of something else is a new page; a trial only opens beside its study.
  const key = JSON.stringify([ROUTES.findIndex(([, each]) => each === page), values.name, values.a, values.b]);
  const home = isReport ? start : "#/";
  const skip = (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  };
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the contents</a>
    <header class="top">
      <a class="brand" href=${home}><span class="eggs" aria-hidden="true"></span>caviar</a>
      <nav aria-label="Pages">
        <a href=${home}>${isReport ? "Report" : "Studies"}</a>
        <a href="#/help">Help</a>
      </nav>
    </header>
    <main id="main" tabindex="-1"><${page} key=${key} ...${values} /></main>
    <${Tooltip} />
  `;
}

render(html`<${App} />`, document.getElementById("page"));
