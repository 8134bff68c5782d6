"""The main job before and after: trials that are started in 30 seconds on digits, by commits of this repository.

    python -m benchmarks.history [--commits 5beea6f 673de13 HEAD] [--seconds 30] [--runs 3]

Each commit is checked out and built in a folder of its own, with the packages of this environment, and tunes digits
(as a CSV, text labels) by its own command line; the runs alternate. 5beea6f is the last commit before the native engine
got its SIMD kernels, 673de13 the one at which they were measured first. Today's default search trains its trials for
longer on average than the Sobol points with halving of that time, and so today's commit is run with those, too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import write
from caviar.data import samples

ROOT = Path(__file__).parents[1]
PROGRAM = "from caviar.cli.main import main; main()"


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


def run(environment: dict[str, str], data: Path, seconds: float, seed: int, more: list[str]) -> dict[str, Any]:
    """One study by its command line."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        done = subprocess.run(
            # an editable install would win over PYTHONPATH: it is put before everything
            [
                sys.executable,
                "-c",
                f"import os, sys; sys.path.insert(0, os.environ['PYTHONPATH']); sys.meta_path[:] = "
                f"[finder for finder in sys.meta_path if 'editable' not in type(finder).__module__.lower() "
                f"and 'ScikitBuild' not in type(finder).__name__]; {PROGRAM}",
                "tune",
                str(data),
                "--target",
                "digit",
                "--seconds",
                str(seconds),
                "--seed",
                str(seed),
                "--json",
                *more,
            ],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        result = json.loads(done.stdout)
        return {
            "trials": result["trials"]["started"],
            "test": result["best"]["test"]["accuracy"],
            "wall": time.monotonic() - start,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", nargs="+", default=["5beea6f", "673de13", "HEAD"])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = samples.digits()
        data = samples.write_csv(table, folder / "digits.csv")
        environments = {commit: build(commit, folder) for commit in options.commits}
        for seed in range(options.runs):
            for commit, environment in environments.items():
                searches: list[tuple[str, list[str]]] = [("its default", [])]
                if commit == options.commits[-1]:
                    searches.append(("sobol", ["--search", "sobol"]))
                for search, more in searches:
                    found.setdefault((commit, search), []).append(
                        run(environment, data, options.seconds, seed, list(more))
                    )
    rows = []
    for (commit, search), runs in found.items():
        trials = [one["trials"] for one in runs]
        rows.append(
            {
                "of_commit": commit,
                "search": search,
                "seconds": options.seconds,
                "runs": len(runs),
                "trials": int(statistics.median(trials)),
                "least": min(trials),
                "most": max(trials),
                "test_accuracy": round(statistics.mean(one["test"] for one in runs), 4),
            }
        )
        print("  ".join(f"{key} {value}" for key, value in rows[-1].items()))
    print(write("history", rows))


if __name__ == "__main__":
    main()
