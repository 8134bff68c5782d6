"""The dashboard on a large study, beside Optuna's dashboard with the same trials; and what three open pages cost.

    python -m benchmarks.dashboard [--trials 10000] [--epochs 1000] [--times 5] [--only pages|training]

Both get 10,000 trials of 1,000 epochs each: ten million scores, in SQLite (tests/many_trials.py makes them). A fresh
server and a fresh browser open the page of the study, with nothing cached. "First paint" is the browser's
first-contentful-paint; "first picture" and "all curves" are when the history, and the picture with the curves of all
trials, have been drawn. Optuna's page draws a line a trial; ours a density of all trials, and the best ones as lines.
Bytes are those that went over the wire until then. The memory of the server is the most that it had; that of the page
is its heap of JavaScript. What has not happened within ten minutes, or because the tab died, has no number.

Then a study of the digits is trained on one thread, without a dashboard and with three pages open that follow it: the
list, the large study, and its own. Both are done several times, in turns: medians, the lowest and the highest.

Optuna's dashboard is installed into an environment of its own, build/optuna_dashboard. Its server takes more than 10 GB
of memory with this study.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Error, Page

from benchmarks.machine import write
from caviar.data import samples
from tests.browser.chromium import browser

CHECKOUT = Path(__file__).resolve().parents[1]
CAVIAR = str(Path(sys.executable).with_name("caviar"))
RIVAL = CHECKOUT / "build" / "optuna_dashboard"
RIVAL_VERSION = "0.21.0"
PATIENCE = 600.0
"""Seconds that a page gets."""

TRIALS = 300
"""Trials of the study that is trained beside open pages."""

OURS = ("#history canvas", "#curves canvas")
THEIRS = ("#plot-history .points path", "#graph-intermediate-values .lines path")
"""Selectors of the first picture, and of the curves."""


@contextmanager
def served(command: Sequence[str], ready: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server, and the text in its output that ``ready`` finds."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        found = None
        while found is None:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"{command[0]} ended before it was ready")
            found = re.search(ready, line)
        yield process, found[0]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def dashboard(store: Path) -> Any:
    """Our server on ``store``."""
    command = [CAVIAR, "dashboard", "--store", f"sqlite:///{store}", "--no-browser"]
    return served([*command, "--port", "0"], r"http://\S+")


def peak_memory(process: subprocess.Popen[str]) -> float:
    """The most MB that ``process`` has had in memory."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1000 if found else float("nan")


def drawn(page: Page, selector: str, began: float) -> float | None:
    """The seconds since ``began`` when ``selector`` is on the page and has drawn, None where that does not come."""
    left = PATIENCE - (time.perf_counter() - began)
    try:
        page.locator(selector).first.wait_for(state="attached", timeout=max(left, 0.1) * 1000)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    except Error as error:
        print(f"  {selector}: {str(error).splitlines()[0]}")
        return None
    return time.perf_counter() - began


def opened(
    opened_by: Browser, process: subprocess.Popen[str], urls: Sequence[str], selectors: Sequence[str]
) -> dict[str, Any]:
    """Open the last of ``urls``, after the others, in a fresh page; what it took."""
    context = opened_by.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    for url in urls[:-1]:
        page.goto(url, timeout=PATIENCE * 1000)
    if len(urls) > 1:  # the address with the token: the cookie stays, and nothing else
        page.close()
        page = context.new_page()
    protocol = context.new_cdp_session(page)
    protocol.send("Network.enable")
    protocol.send("Performance.enable")
    sent = {"bytes": 0}
    protocol.on("Network.dataReceived", lambda e: sent.update(bytes=sent["bytes"] + e["encodedDataLength"]))
    began = time.perf_counter()
    found: dict[str, Any] = {}
    try:
        page.goto(urls[-1], wait_until="commit", timeout=PATIENCE * 1000)
        found["first picture, s"] = drawn(page, selectors[0], began)
        found["all curves, s"] = drawn(page, selectors[1], began)
        paints = "performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime / 1000)[0]"
        found["first paint, s"] = page.evaluate(paints)
        metrics = {each["name"]: each["value"] for each in protocol.send("Performance.getMetrics")["metrics"]}
        found["page, MB"] = metrics["JSHeapUsedSize"] / 1e6
    except Error as error:
        print(f"  the page died: {str(error).splitlines()[0]}")
    found["sent, MB"] = sent["bytes"] / 1e6
    found["server, MB"] = peak_memory(process)
    context.close()
    return found


def install_rival() -> Path:
    """Optuna's dashboard in an environment of its own; its Python."""
    python = RIVAL / "bin" / "python"
    if not python.exists():
        venv.create(RIVAL, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, f"optuna-dashboard=={RIVAL_VERSION}", "optuna==5.0.0"], check=True)
    return python


def pages(folder: Path, trials: int, epochs: int) -> Iterator[dict[str, Any]]:
    """Both pages of the large study, measured."""
    store = folder / "caviar.db"
    with dashboard(store) as (process, address), browser() as with_browser:
        base = address.partition("?")[0]
        ours = opened(with_browser, process, [address, f"{base}#/study/many"], OURS)
    yield {"dashboard": "caviar", **ours}
    python, rival = install_rival(), folder / "optuna.db"
    subprocess.run(
        [str(python), "-m", "benchmarks.rivals.optuna_store", str(store), "many", str(rival)], check=True, cwd=CHECKOUT
    )
    command = [str(RIVAL / "bin" / "optuna-dashboard"), f"sqlite:///{rival}", "--port", "8976"]
    with served(command, r"http://\S+") as (process, _), browser() as with_browser:
        theirs = opened(with_browser, process, ["http://127.0.0.1:8976/dashboard/studies/1"], THEIRS)
    yield {"dashboard": f"Optuna's, {RIVAL_VERSION}", **theirs}


def trained(store: Path, table: Path, name: str) -> float:
    """The seconds of a study."""
    command = [CAVIAR, "tune", str(table), "--target", str(samples.digits().target_name), "--json"]
    options = [
        "--store",
        f"sqlite:///{store}",
        "--study",
        name,
        "--trials",
        str(TRIALS),
        "--threads",
        "1",
        "--out",
        str(table.parent),
    ]
    done = subprocess.run([*command, *options, "--preset", "fast"], check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout)["seconds"])


@contextmanager
def three_pages(store: Path, name: str) -> Iterator[None]:
    """A dashboard with three open pages, of which one is that of study ``name``, which is about to begin."""
    with dashboard(store) as (_, address), browser() as with_browser:
        base = address.partition("?")[0]
        context = with_browser.new_context(viewport={"width": 1400, "height": 900})
        first = context.new_page()
        first.goto(address)
        for hash in ("#/study/many", f"#/study/{name}"):
            context.new_page().goto(f"{base}{hash}")
        time.sleep(5)  # all is drawn
        yield


def training(folder: Path, times: int) -> Iterator[dict[str, Any]]:
    """The seconds of a study without and with three open pages."""
    store, table = folder / "caviar.db", folder / "digits.csv"
    samples.write_csv(samples.digits(), table)
    took: dict[str, list[float]] = {"no page": [], "three pages": []}
    trained(store, table, "warm")
    for turn in range(times):
        took["no page"].append(trained(store, table, f"alone-{turn}"))
        with three_pages(store, f"watched-{turn}"):
            took["three pages"].append(trained(store, table, f"watched-{turn}"))
    for what, seconds in took.items():
        yield {
            "open": what, "trials": TRIALS, "seconds": f"{median(seconds):.2f}",
            "lowest": f"{min(seconds):.2f}", "highest": f"{max(seconds):.2f}", "times": times,
        }  # fmt: skip


def measure_pages(folder: Path, trials: int, epochs: int) -> None:
    """Write dashboard.csv."""
    names = ("first paint, s", "first picture, s", "all curves, s", "sent, MB", "page, MB", "server, MB")
    rows = []
    for found in pages(folder, trials, epochs):
        numbers = {name: "" if found.get(name) is None else f"{found[name]:.2f}" for name in names}
        rows.append({"dashboard": found["dashboard"], "trials": trials, "epochs": epochs, **numbers})
        print(rows[-1], flush=True)
    write("dashboard", rows)


def main() -> None:
    """Run both and write benchmarks/results/dashboard.csv and dashboard_training.csv."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=1_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", choices=("pages", "training"), help="the other one is left as it was measured")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        size = ["--trials", str(given.trials), "--epochs", str(given.epochs), "--whole"]
        store = str(Path(folder) / "caviar.db")
        subprocess.run([sys.executable, "-m", "tests.many_trials", store, *size], check=True, cwd=CHECKOUT)
        if given.only != "training":
            measure_pages(Path(folder), given.trials, given.epochs)
        if given.only != "pages":
            beside = list(training(Path(folder), given.times))
            write("dashboard_training", [{**row, "large study": f"{given.trials} x {given.epochs}"} for row in beside])


if __name__ == "__main__":
    main()
