"""Run the cases, two at a time: ``python -m tests.cases [NAME...]``, those of ../shared/cases among them."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared" / "cases"
VERDICTS = ("right:", "refusal:", "WRONG:", "MISSING:")


def run(case: Path) -> tuple[bool, str]:
    """True for a case that is as it should be, and its verdict; a long one after a failure."""
    environment = {**os.environ, "PYTHONPATH": str(case.parent), "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run([sys.executable, case], capture_output=True, text=True, timeout=900, env=environment)
    except subprocess.TimeoutExpired:
        return False, "no answer in 900 seconds"
    verdicts = [line for line in done.stdout.splitlines() if line.startswith(VERDICTS)]
    if done.returncode == 0 and verdicts:
        return True, verdicts[0]
    return False, done.stdout + done.stderr[-2000:]


def cases(*names: str) -> list[Path]:
    """All cases, or those with one of ``names`` in their own."""
    found = [*sorted(SHARED.glob("[0-9]*.py")), *sorted(HERE.glob("[0-9]*.py"))]
    return [case for case in found if not names or any(name in case.name for name in names)]


def main() -> None:
    """Run those that the command line names, or all."""
    chosen, failed = cases(*sys.argv[1:]), 0
    with ThreadPoolExecutor(2) as pool:
        for case, (right, said) in zip(chosen, pool.map(run, chosen), strict=True):
            failed += not right
            name = f"{case.parent.parent.name}/{case.stem}"
            print(f"{'ok  ' if right else 'FAIL'} {name}  {said.strip()[: 160 if right else 4000]}", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
