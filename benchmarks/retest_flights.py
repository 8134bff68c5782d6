"""The worked example of docs/retest.md: a network for flights of one winter, tested again later in the year.

    python -m benchmarks.retest_flights --packages /tmp/tables18 [--folder flights]

The tables are those of benchmarks/drift_flights.py. It tunes a network on winter.csv for 20 seconds, and tests it again
for 60 seconds on other flights of that winter, on flights of July, and on its own data.
"""

from __future__ import annotations

from benchmarks.drift_flights import begin
from caviar.cli.main import run


def main() -> None:
    begin(__doc__)
    for table in ("same-winter", "july", "winter"):
        print(f"\n{table}", flush=True)
        words = ["retest", "winter", "--data", f"{table}.csv", "--seconds", "60", "--name", f"again-{table}"]
        print("exit status", run(words), flush=True)
    run(["retests", "winter"])


if __name__ == "__main__":
    main()
