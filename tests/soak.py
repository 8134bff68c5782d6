"""``make soak SECONDS=300``: studies run on both databases while they, and all around them, are disturbed at random.

Processes are killed, interrupted and frozen, terminals closed; the folder of snapshots is away and back; the store is
locked, its server restarted or crashed, its disk full.

After each round the database is whole and nothing that it had is lost (faults/invariants.py); each study, once it is
through, has the bits of one that nothing happened to. Every round prints its seed and what was done in it; the same
``--seed`` chooses the same again, though not the same moments.
"""

from __future__ import annotations

import argparse
import os
import pty
import random
import resource
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from caviar.data import samples
from caviar.errors import StoreError
from caviar.records import StudyState
from caviar.store import Store
from tests.child import SPACE, STUDY, end, start, until
from tests.faults.invariants import acknowledged, check_over, check_whole
from tests.faults.test_store_faults import hold
from tests.postgresql_server import Restarting, database, restarting
from tests.study.test_tune import recorded

TRIALS = 1000
_ENDED = (-signal.SIGINT, -signal.SIGHUP, -signal.SIGKILL)
PATIENCE = 2.0  # seconds; a frozen process is left so for up to twice as long


@dataclass
class Site:
    """A store with one study that is under way, or not begun yet."""

    kind: str
    store: str
    folders: str  # a pattern of those that belong to it
    server: Restarting | None = None
    begun: bool = False
    rounds: int = 0


def signal_all(processes: list[subprocess.Popen[str]], number: signal.Signals) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)


# --- what befalls the world around them: each comes back by itself ---


def freeze(site: Site, at: list[subprocess.Popen[str]], chance: random.Random) -> str:
    """A process stands still, for longer or shorter than its lease lasts."""
    victim = chance.choice(at)
    signal_all([victim], signal.SIGSTOP)
    time.sleep(chance.uniform(0.1, 2 * PATIENCE))
    signal_all([victim], signal.SIGCONT)
    return f"SIGSTOP {'owner' if victim is at[0] else 'helper'}"


def move_folder(site: Site, at: list[subprocess.Popen[str]], chance: random.Random) -> str:
    """The folder of the snapshots is away, and back."""
    folders = sorted(path for path in Path().glob(site.folders) if path.is_dir())
    for folder in folders:
        folder.rename(f"{folder}.away")
    time.sleep(chance.uniform(0.1, 3.0))
    for folder in folders:
        assert not folder.exists(), "the folder was made anew while it was away"
        Path(f"{folder}.away").rename(folder)
    return f"{len(folders)} folder away"


def lock(site: Site, at: list[subprocess.Popen[str]], chance: random.Random) -> str:
    """Another program locks the store, for longer than a transaction waits."""
    held, release = threading.Event(), threading.Event()
    other = threading.Thread(target=hold, args=(site.store, held, release))
    other.start()
    if held.wait(30):  # or the processes kept it busy all the time
        time.sleep(chance.uniform(0.5, 8.0))
    release.set()
    other.join()
    return "store locked"


def restart(site: Site, at: list[subprocess.Popen[str]], chance: random.Random) -> str:
    """The server of the database is stopped, or crashes, and is started again."""
    assert site.server is not None
    how = chance.choice([signal.SIGINT, signal.SIGQUIT])
    site.server.stop(how)
    time.sleep(chance.uniform(0.0, 4.0))
    site.server.start()
    return f"server {'crashed' if how is signal.SIGQUIT else 'restarted'}"


def fill_disk(site: Site, at: list[subprocess.Popen[str]], chance: random.Random) -> str:
    """No file that the processes write may grow beyond the size that the largest has: the disk takes no more."""
    sizes = [path.stat().st_size for path in Path().glob(f"{Path(site.store).name}*") if path.is_file()]
    least = chance.choice([min(sizes), max(sizes)]) if sizes else 1 << 16
    running = [process.pid for process in at if process.poll() is None]
    for most in (least, resource.RLIM_INFINITY):
        for pid in running:
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        if most == least:
            time.sleep(chance.uniform(0.3, 4.0))
    return "disk full"


def say(what: str) -> None:
    """Add to the line of this round at once: should it fail, it can be read what was done in it."""
    print(f", {what}", end="", flush=True)


def play(site: Site, data: Path, chance: random.Random) -> int:
    """One round: the owner and up to two helpers, and what befalls them. The owner's status."""
    helpers = chance.randrange(3)
    options = ("--trials", TRIALS, "--patience", PATIENCE, "--threads", chance.choice([1, 2]))
    options += ("--save-all",) if chance.random() < 0.3 else ()
    owner = start("resume" if site.begun else "lead", site.store, data, *options)
    processes: list[subprocess.Popen[str]] = []
    say(f"{'resume' if site.begun else 'lead'} + {helpers} helpers")
    around = [freeze, move_folder, lock, restart if site.server else fill_disk]
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
            if chance.random() < 0.6:
                say(chance.choice(around)(site, [owner, *processes], chance))
                continue
            victim = chance.choice([owner, *processes])
            who = "owner" if victim is owner else "helper"
            action = chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGHUP])
            if victim.poll() is not None:
                say(f"{who} had ended")
                continue
            victim.send_signal(action)
            say(f"{action.name} {who}")
            if who == "owner":
                break
        else:
            if chance.random() < 0.5:
                say("to its end")
            else:
                signal_all([owner], signal.SIGKILL)
                say("SIGKILL owner at last")
        said = end(owner)
        for process in processes:  # they end by themselves, whatever became of the owner
            status, _, complained = end(process)
            # 2: it came when the study was over; -2: Ctrl-C, before Python heard of it.
            assert status in (0, 1, 2, 130, *_ENDED), (status, complained)
            assert status != 1 or "KeyboardInterrupt" in complained, complained
    except BaseException:
        signal_all([owner, *processes], signal.SIGKILL)
        raise
    assert owner.returncode in (0, 130, *_ENDED), said
    return owner.returncode


def close_terminal(site: Site, data: Path, chance: random.Random) -> int:
    """A round of the command itself, in a terminal that is closed under it, if it does not end before."""
    say(f"{'resume' if site.begun else 'tune'} in a terminal that is closed")
    begin = ["tune", data.name, "--target", "cultivar", "--space", "space.toml", "--study", STUDY]
    begin += ["--out", f"models{abs(hash(site.store))}"]
    words = [*(["resume", STUDY] if site.begun else begin), "--trials", TRIALS, "--threads", 1, "--store", site.store]
    process, terminal = pty.fork()
    if process == 0:
        os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)
        program = [sys.executable, "-c", "from caviar.cli.main import main; main()", *map(str, words)]
        os.execv(sys.executable, program)
    shown = b""
    closes_at = time.monotonic() + chance.uniform(1.0, 6.0)
    with suppress(OSError):  # it ended, and the terminal with it
        while (left := closes_at - time.monotonic()) > 0:
            if select.select([terminal], [], [], left)[0]:
                shown = (shown + os.read(terminal, 1 << 16))[-2000:]
    os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert status in (0, 128 + signal.SIGHUP, -signal.SIGHUP), (status, shown.decode(errors="replace"))
    site.begun = state_of(site) is not None
    return status


def state_of(site: Site) -> StudyState | None:
    """The state of its study; None where that is not begun."""
    with suppress(StoreError), Store.open(site.store, create=False) as opened:
        return opened.study(STUDY).state
    return None


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
    assert (recorded(site.store, STUDY), best(site.store)) == whole, f"{site} has other bits"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    chance = random.Random(given.seed)
    ends_at = time.monotonic() + given.seconds
    print(f"soak of {given.seconds:g} seconds, seed {given.seed}", flush=True)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="soak") as folder, restarting(fsync="on") as running:
        os.chdir(folder)  # a PostgreSQL study keeps its snapshots in the working folder, here the children's
        data = samples.write_csv(samples.wine(), Path(folder) / "wine.csv")
        Path("space.toml").write_text(SPACE.to_toml())
        unbroken = str(Path(folder) / "unbroken.db")
        assert end(start("lead", unbroken, data, "--trials", TRIALS))[0] == 0
        whole = (recorded(unbroken, STUDY), best(unbroken))

        def fresh(kind: str) -> Site:
            counts[f"{kind} studies"] += 1
            name = f"soak{counts[f'{kind} studies']}"
            if kind == "PostgreSQL":
                return Site(kind, database(running.url, name), "caviar.snapshots", running)
            return Site(kind, str(Path(folder) / f"{name}.db"), f"{name}.db.snapshots")

        sites = {kind: fresh(kind) for kind in ("SQLite", "PostgreSQL")}
        while time.monotonic() < ends_at:
            kind = chance.choice(sorted(sites))
            site = sites[kind]
            before = acknowledged(site.store, STUDY) if site.begun else set()
            print(f"round {counts['rounds'] + 1}: {kind}", end="", flush=True)
            status = (close_terminal if chance.random() < 0.15 else play)(site, data, chance)
            if site.begun:
                check_whole(site.store, STUDY, before)
            site.rounds += 1
            counts["rounds"] += 1
            results = len(acknowledged(site.store, STUDY)) if site.begun else 0
            line = f": {results:,} results, {len(before):,} from before, whole"
            if status == 0 or state_of(site) is StudyState.FINISHED:
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
