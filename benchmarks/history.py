"""The main job before and after: trials that are started in 30 seconds on digits, by commits of this repository.

    python -m benchmarks.history [--commits 5beea6f 673de13 HEAD] [--seconds 30] [--runs 3] [--only work]

Each commit is checked out and built in a folder of its own, with the packages of this environment, and tunes digits
(as a CSV, text labels) by its own command line; the runs alternate. 5beea6f is the last commit before the native engine
got its SIMD kernels, 673de13 the one at which they were measured first. Today's default search trains its trials for
longer on average than the Sobol points with halving of that time, and so today's commit is run with those, too. And it
keeps a part of the time for finals that did not exist then, so it is run once more with the job of then: Sobol points
in the first commit's space, and one finalist that is not repeated.

So the engine is also measured at fixed work: the same 200 configs, drawn by the oldest commit from its own default
space, each trained for 3 epochs on digits by `caviar.train` on one thread, in seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.machine import merge
from caviar.data import samples

ROOT = Path(__file__).parents[1]
PROGRAM = "from caviar.cli.main import main; main()"
SPACE = "import caviar; print(caviar.default_space().to_toml())"
NO_FINALS = (
    "import caviar.study.check as check, caviar.study.job as job; "
    "job.FINALISTS = check.REPEATS = 1; check.FOLDED_BELOW = 0\n"
)
CONFIGS = "import caviar, json; print(json.dumps([dict(c) for c in caviar.default_space().sample(200, seed=0)]))"
WORK = """
import json, sys, time, caviar, numpy as np
from sklearn.datasets import load_digits
configs = json.load(open(sys.argv[1]))
x, y = load_digits(return_X_y=True)
x, y = (x / 16).astype(np.float32), y.astype(np.int32)
parts = x[:1400], y[:1400]
validation = x[1400:], y[1400:]
caviar.train(*parts, configs[0], epochs=1, seed=0, validation=validation)
start = time.perf_counter()
for seed, config in enumerate(configs):
    caviar.train(*parts, config, epochs=3, seed=seed, validation=validation)
print(time.perf_counter() - start)
"""


def build(commit: str, folder: Path) -> dict[str, str]:
    """Check ``commit`` out, install it into ``folder``: the environment in which its caviar is found."""
    source, target = folder / f"{commit}-source", folder / commit
    subprocess.run(["git", "worktree", "add", "--detach", str(source), commit], cwd=ROOT, check=True)
    try:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps"]
        subprocess.run([*pip, "--target", str(target), str(source)], check=True)
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(source)], cwd=ROOT, check=True)
    return {**os.environ, "PYTHONPATH": str(target)}


def python(environment: dict[str, str], program: str, arguments: list[str], folder: str) -> str:
    """The output of ``program`` with the caviar of ``environment``."""
    # the finder of an editable install would win over PYTHONPATH
    start = (
        "import os, sys; sys.path.insert(0, os.environ['PYTHONPATH']); "
        "sys.meta_path[:] = [found for found in sys.meta_path if 'ScikitBuild' not in type(found).__name__]\n"
    )
    command = [sys.executable, "-c", start + program, *arguments]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def study(
    environment: dict[str, str], data: Path, seconds: float, seed: int, more: list[str], change: str = ""
) -> dict[str, Any]:
    """One study by its command line, after ``change``, a line of Python."""
    arguments = ["tune", str(data), "--target", "digit", "--seconds", str(seconds), "--seed", str(seed), "--json"]
    with tempfile.TemporaryDirectory() as folder:
        result = json.loads(python(environment, change + PROGRAM, [*arguments, *more], folder))
    return {"trials": result["trials"]["started"], "test": result["best"]["test"]["accuracy"]}


def fixed_work(environments: dict[str, dict[str, str]], runs: int) -> list[dict[str, Any]]:
    """Seconds that each commit takes for the same configs."""
    seconds: dict[str, list[float]] = {commit: [] for commit in environments}
    with tempfile.TemporaryDirectory() as folder:
        configs = Path(folder, "configs.json")
        configs.write_text(python(next(iter(environments.values())), CONFIGS, [], folder))
        for _ in range(runs):
            for commit, environment in environments.items():
                seconds[commit].append(float(python(environment, WORK, [str(configs)], folder)))
    return [
        {
            "of_commit": commit,
            "what": "seconds for 200 configs x 3 epochs, 1 thread",
            "runs": runs,
            "median": round(statistics.median(found), 3),
            "least": round(min(found), 3),
            "most": round(max(found), 3),
            "test_accuracy": "",
        }
        for commit, found in seconds.items()
    ]


def studies(environments: dict[str, dict[str, str]], data: Path, seconds: float, runs: int) -> list[dict[str, Any]]:
    """Trials that each commit starts within ``seconds``."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    first, *_, last = environments
    space = data.with_name("space.toml")
    space.write_text(python(environments[first], SPACE, [], str(data.parent)))
    sobol = ["--search", "sobol"]
    for seed in range(runs):
        for commit, environment in environments.items():
            searches: list[tuple[str, list[str], str]] = [("its default search", [], "")]
            if commit == last:
                searches.append(("sobol", sobol, ""))
                searches.append((f"as {first} did", [*sobol, "--space", str(space)], NO_FINALS))
            for search, more, change in searches:
                found.setdefault((commit, search), []).append(study(environment, data, seconds, seed, more, change))
    rows = []
    for (commit, search), several in found.items():
        trials = [one["trials"] for one in several]
        rows.append(
            {
                "of_commit": commit,
                "what": f"trials started in {seconds:g} s, {search}",
                "runs": runs,
                "median": statistics.median(trials),
                "least": min(trials),
                "most": max(trials),
                "test_accuracy": round(statistics.mean(one["test"] for one in several), 4),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", nargs="+", default=["5beea6f", "673de13", "HEAD"])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=["studies", "work"])
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = samples.write_csv(samples.digits(), folder / "digits.csv")
        environments = {commit: build(commit, folder) for commit in options.commits}
        if options.only != "work":
            rows += studies(environments, data, options.seconds, options.runs)
        if options.only != "studies":
            rows += fixed_work(environments, options.runs)
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    print(merge("history", rows, key=("of_commit", "what")))


if __name__ == "__main__":
    main()
