"""``make soak SECONDS=300``: studies run on both databases while their processes are killed and frozen at random.

After each round the database is whole and nothing that it had is lost (faults/invariants.py); each study, once it is
through, has the bits of one that nothing happened to. Every round prints its seed and what was done in it; the same
``--seed`` chooses the same again, though not the same moments.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from caviar.data import samples
from caviar.store import Store
from tests.child import STUDY, end, start, until
from tests.faults.invariants import acknowledged, check_over, check_whole
from tests.postgresql_server import database, server
from tests.study.test_tune import said

TRIALS = 400
PATIENCE = 2.0  # seconds; a frozen process is left so for up to twice as long


@dataclass
class Site:
    """A store with one study that is under way, or not begun yet."""

    kind: str
    store: str
    begun: bool = False
    rounds: int = 0


def signal_all(processes: list[subprocess.Popen[str]], number: signal.Signals) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)


def play(site: Site, data: Path, chance: random.Random) -> tuple[str, int]:
    """One round: the owner and up to two helpers, and what befalls them. What was done, and the owner's status."""
    helpers = chance.randrange(3)
    options = ("--trials", TRIALS, "--patience", PATIENCE, "--threads", chance.choice([1, 2]))
    options += ("--save-all",) if chance.random() < 0.3 else ()
    owner = start("resume" if site.begun else "lead", site.store, data, *options)
    processes: list[subprocess.Popen[str]] = []
    done = [f"{'resume' if site.begun else 'lead'} + {helpers} helpers"]
    try:
        until(owner, "begun")
        site.begun = True
        processes = [start("help", site.store, data, "--patience", PATIENCE) for _ in range(helpers)]
        if chance.random() < 0.8:  # else while some of them are still starting
            for process in (owner, *processes):
                assert process.stdout is not None
                process.stdout.readline()
        for _ in range(chance.randrange(1, 4)):
            time.sleep(chance.uniform(0.1, 2.5))
            victim = chance.choice([owner, *processes])
            who = "owner" if victim is owner else "helper"
            action = chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP, signal.SIGINT])
            if victim.poll() is not None:
                done.append(f"{who} had ended")
                continue
            victim.send_signal(action)
            done.append(f"{action.name} {who}")
            if action is signal.SIGSTOP:
                time.sleep(chance.uniform(0.1, 2 * PATIENCE))
                signal_all([victim], signal.SIGCONT)
            if who == "owner" and action is not signal.SIGSTOP:
                break
        else:
            if chance.random() < 0.5:
                done.append("to its end")
            else:
                signal_all([owner], signal.SIGKILL)
                done.append("SIGKILL owner at last")
        said = end(owner)
        for process in processes:  # they end by themselves, whatever became of the owner
            status, _, complained = end(process)
            # 2: it came when the study was over; -2: Ctrl-C, before Python heard of it.
            assert status in (0, 1, 2, 130, -signal.SIGINT, -signal.SIGKILL), (status, complained)
            assert status != 1 or "KeyboardInterrupt" in complained, complained
    except BaseException:
        signal_all([owner, *processes], signal.SIGKILL)
        raise
    assert owner.returncode in (0, 130, -signal.SIGINT, -signal.SIGKILL), said
    return ", ".join(done), owner.returncode


def best(store: str) -> object:
    with Store.open(store) as opened:
        result = opened.study(STUDY).result
        assert result is not None
        return result.best


def finish(site: Site, data: Path, whole: object) -> None:
    """Take the study to its end, undisturbed; it is as if nothing had ever happened to it."""
    before = acknowledged(site.store, STUDY)
    status, _, complained = end(start("resume", site.store, data))
    assert status == 0 or "is finished" in complained, complained
    check_over(site.store, STUDY, before)
    assert (said(site.store, STUDY), best(site.store)) == whole, f"{site} has other bits"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    chance = random.Random(given.seed)
    ends_at = time.monotonic() + given.seconds
    print(f"soak of {given.seconds:g} seconds, seed {given.seed}", flush=True)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="soak") as folder, server(fsync="on") as url:
        os.chdir(folder)  # a PostgreSQL study keeps its snapshots in the working folder, here the children's
        data = samples.write_csv(samples.wine(), Path(folder) / "wine.csv")
        unbroken = str(Path(folder) / "unbroken.db")
        assert end(start("lead", unbroken, data, "--trials", TRIALS))[0] == 0
        whole = (said(unbroken, STUDY), best(unbroken))

        def fresh(kind: str) -> Site:
            counts[f"{kind} studies"] += 1
            name = f"soak{counts[f'{kind} studies']}"
            return Site(kind, database(url, name) if kind == "PostgreSQL" else str(Path(folder) / f"{name}.db"))

        sites = {kind: fresh(kind) for kind in ("SQLite", "PostgreSQL")}
        while time.monotonic() < ends_at:
            kind = chance.choice(sorted(sites))
            site = sites[kind]
            before = acknowledged(site.store, STUDY) if site.begun else set()
            done, status = play(site, data, chance)
            check_whole(site.store, STUDY, before)
            site.rounds += 1
            counts["rounds"] += 1
            results = len(acknowledged(site.store, STUDY))
            line = f"round {counts['rounds']}: {kind}, {done}: {results:,} results, {len(before):,} from before, whole"
            if status == 0:
                finish(site, data, whole)
                line += f"; finished after {site.rounds} rounds, with the bits of an unbroken study"
                counts["finished"] += 1
                sites[kind] = fresh(kind)
            print(line, flush=True)
        for site in sites.values():
            if site.begun:
                finish(site, data, whole)
                counts["finished"] += 1
                print(f"at last: {site.kind} finished after {site.rounds} rounds, with the right bits", flush=True)
    print(f"{counts['rounds']} rounds, {counts['finished']} studies finished, nothing lost", flush=True)


if __name__ == "__main__":
    main()
