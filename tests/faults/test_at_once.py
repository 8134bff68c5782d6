"""Programs that are started at the same moment on one store: each gets a name of its own, or is refused in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from caviar.store import Store
from caviar.store.runs import Runs
from tests.store.sample import RUN, STUDY

N = 8

# Forks of one process that has imported everything, so that they reach the store within a millisecond of one another.
PROGRAM = f"""
import os, sys, threading, warnings
import numpy as np
import caviar, caviar.study.tune
from caviar.errors import StoreError
warnings.simplefilter("ignore")
url, kind, go = sys.argv[1], sys.argv[2], os.pipe()

def one():
    os.close(go[1])
    os.read(go[0], 1)  # until all are there
    if kind == "table":
        x = np.arange(60.0).reshape(30, 2)
        given = {{"trials": 1, "threads": 1, "preset": "fast", "progress": False}}
        return caviar.tune((x, (x[:, 0] > 30).astype(int)), store=url, **given).name
    if kind == "function":
        space = caviar.Space(x=caviar.Linear(0, 1))
        return caviar.tune(lambda trial: 1.0, space, trials=1, processes=1, goal="maximize", store=url).name
    with caviar.babysit.run(store=url, **({{"name": "net"}} if kind == "named" else {{}})) as run:
        run.log(loss=1.0)
        threading.Event().wait(1.0 if kind == "named" else 0.0)
    return run.name

children = []
for _ in range({N}):
    if not (child := os.fork()):
        try:
            said = one()
        except StoreError as error:
            said = error.rule
        os.write(1, f"{{said}}\\n".encode())
        os._exit(0)
    children.append(child)
os.close(go[1])
for child in children:
    os.waitpid(child, 0)
"""


def said(url: str, kind: str, folder: Path) -> list[str]:
    """The lines that eight programs write which begin at the same moment."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, url, kind]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True, timeout=600)
    return sorted(done.stdout.splitlines())


@pytest.mark.parametrize(("kind", "name"), [("table", "arrays"), ("function", "lambda"), ("loop", "run")])
def test_each_gets_a_name_of_its_own(kind: str, name: str, url: str, tmp_path: Path) -> None:
    assert said(url, kind, tmp_path) == sorted([name, *(f"{name}-{n}" for n in range(2, N + 1))])


def test_of_a_run_that_is_named_one_begins_and_the_others_name_its_process(url: str, tmp_path: Path) -> None:
    answers = said(url, "named", tmp_path)
    assert answers.count("net") == 1
    assert all("run 'net' is running: process" in answer for answer in answers if answer != "net")


def test_a_name_that_another_process_takes_meanwhile_is_numbered_on(url: str) -> None:
    with Store.open(url) as store, Store.open(url) as other:
        taken: list[str] = []

        def check(name: str) -> None:
            if len(taken) < 2:
                taken.append(name)
                other.create_study(STUDY, numbered=True)

        assert store.create_study(STUDY, numbered=True, check=check).name == "flowers-4"
        assert taken == ["flowers-2", "flowers-3"]
        assert [Runs(store).create(RUN, numbered=True).name for _ in range(3)] == [
            RUN.name + n for n in ("", "-2", "-3")
        ]
