"""The whole job in one call: ``caviar.tune``, and ``caviar.resume``, which takes it up again.

Each goes through the events of tune.py to the last, the answer, and shows them on stderr where somebody looks.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from caviar.records.ranking import Goal
from caviar.space import Space
from caviar.study.loop import (
    Begun,
    Event,
    ProgramRequest,
    Request,
    TunedProgram,
    TunedStudy,
    follow,
    follow_program,
    take_up,
)
from caviar.study.programs import EPOCHS
from caviar.study.spec import DEFAULT_SEARCH

if TYPE_CHECKING:
    from caviar.clients.caviar_client import Trial

# Rich is imported where it is needed: `import caviar` should not wait for it.

__all__ = ["resume", "tune"]


@overload
def tune(
    data: Callable[[Trial], float | None],
    target: Space | str | os.PathLike[str],
    *,
    goal: Goal = "maximize",
    epochs: int = EPOCHS,
    seconds: float | None = None,
    trials: int | None = None,
    seed: int = 0,
    search: str = DEFAULT_SEARCH,
    stopping: str = "halving",
    repeats: int = 0,
    study: str | None = None,
    store: str | os.PathLike[str] = "caviar.db",
    processes: int | None = None,
    gpus: Sequence[int | str] | None = None,
    trial_timeout: float | None = None,
    progress: bool | None = None,
) -> TunedProgram: ...


@overload
def tune(
    data: Any,
    target: str | None = None,
    *,
    labels: str | os.PathLike[str] | None = None,
    test: Any = None,
    test_labels: str | os.PathLike[str] | None = None,
    seconds: float | None = None,
    trials: int | None = None,
    seed: int = 0,
    task: str | None = None,
    metric: str | None = None,
    space: Space | str | os.PathLike[str] | None = None,
    search: str = DEFAULT_SEARCH,
    stopping: str = "halving",
    prefer: str = "score",
    ensemble: bool = False,
    study: str | None = None,
    store: str | os.PathLike[str] = "caviar.db",
    threads: int | None = None,
    out: str | os.PathLike[str] | None = None,
    engine: str = "native",
    progress: bool | None = None,
) -> TunedStudy: ...


def tune(data: Any, target: Any = None, *, progress: bool | None = None, **arguments: Any) -> TunedStudy | TunedProgram:
    """Find the best network within a budget: a dense one for a table, or whatever a function of yours trains.

    ``tune(data, target, ...)``: the best dense network for a table.

    data: a path (CSV, Parquet, NPZ, NPY, IDX), a DataFrame, or a pair of arrays (x, y).
    target, labels: the column or key of the labels, or a file of them.
    test, test_labels: data kept sealed until the end; without it, a fifth of the rows is.
    task: "classification" or "regression"; where it is not given, the column of labels decides.
    metric: accuracy (the default), balanced_accuracy or log_loss; for regression r2 (the default), rmse or mae.
        Measured on the validation part.
    space: a Space or the path of a space file; the default space for dense networks if not given.
    prefer: "score", or "small" or "fast": the smallest network, or the quickest at predicting, that is within a
        hundredth of the best.
    ensemble: the model is a weighted mean of several finalists' networks (greedy ensemble selection).
    threads: networks trained at once; all processors if not given.
    out: a folder to save the model in; ``study.best.model.save`` does it too.

    ``tune(objective, space, ...)``: the best config for ``objective(trial)``, which trains in any framework.

    objective: gets a Trial, whose ``config``, ``seed``, ``last_epoch`` and ``folder`` it uses, and calls
        ``trial.report(epoch, score)`` after each epoch (1, 2, ...): that raises TrialStopped where the trial is stopped
        early, which the function should let pass. It may return its final score. It runs in processes of its own, each
        of which serves many trials. What it prints is kept, and shown when it fails.
    goal: "maximize" scores, or "minimize" them, if they are losses.
    epochs: how many a trial gets at most; they are compared after a third, a ninth, ... of them.
    repeats: how often the best five trials are trained again, with fresh seeds, before one is chosen.
    processes: how many trials are trained at once, each in a process: one a processor, or a GPU, if not given.
    gpus: numbers of GPUs; each process sees one, as CUDA_VISIBLE_DEVICES says.
    trial_timeout: seconds that a trial may be silent for.

    Of both:

    seconds, trials: the budget, wall time for everything (60 if neither is given) or a number of trials. For a table
        trials give the same study, to the bit, on any number of ``threads``; for a function the same decisions follow
        from the same scores, seed and number of ``processes``.
    search: what proposes the configs, see ``caviar tune --help``.
    stopping: "halving", "hyperband", "median" or "none": who is stopped early.
    study, store: the study's name and the database it goes to; a free name is made from the data's, or the function's,
        if not given.
    progress: True shows on stderr how the study goes, a live display in a terminal or a notebook and elsewhere a line
        every two seconds; False is silent. If not given, it is shown where stderr is a terminal, and in a notebook.

    Raises UserMistake before anything is written; NoAnswer when every trial diverged or failed, or time was too short.
    """
    fresh_name = arguments.get("study") is None
    if callable(data):
        program = ProgramRequest(objective=data, **{"space": target} | arguments)
        return _answer(follow_program(program, fresh_name), getattr(data, "__name__", "the function"), progress)
    request = Request(data=data, target=target, **arguments)
    reading = Path(data).name if isinstance(data, str | os.PathLike) else "the data"
    return _answer(follow(request, fresh_name), reading, progress)


def resume(
    study: str,
    *,
    store: str | os.PathLike[str] = "caviar.db",
    seconds: float | None = None,
    trials: int | None = None,
    data: Any = None,
    test: Any = None,
    threads: int | None = None,
    processes: int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> TunedStudy | TunedProgram:
    """Take a study up again, one that was interrupted or one that deserves more.

    seconds, trials: so many seconds more, or the trials that the study should have in all; where neither is given, what
        is left of its first budget. A budget of trials ends in the same bits as if the study had never been broken.
    data, test: only where the study began with arrays or a DataFrame, or with a function, which the store does not
        keep; a function is given as ``data``.
    threads, processes, out, progress: as in ``tune``.

    Raises UserMistake where there is nothing to take up, or the data is no longer the same.
    """
    events = take_up(
        study,
        store=store,
        seconds=seconds,
        trials=trials,
        data=data,
        test=test,
        threads=threads,
        processes=processes,
        out=out,
    )
    return _answer(events, f"study {study}", progress)


def _answer(events: Generator[Event, None, None], reading: str, progress: bool | None) -> TunedStudy | TunedProgram:
    """The last of ``events``, all of which are shown if ``progress`` says so."""
    shown = _watched() if progress is None else progress
    last = _shown(events, reading) if shown else deque(events, maxlen=1).pop()
    assert isinstance(last, TunedStudy | TunedProgram)
    return last


def _shown(events: Generator[Event, None, None], reading: str) -> Event | None:
    """The last of ``events``, shown. What the display may raise is no reason to end a study."""
    from caviar.report.showing import Stderr, showing

    people = Stderr()
    name, last = "", None
    try:
        # Closed at once, where Ctrl-C comes while something is drawn: that ends the study and saves it.
        with showing(people, reading, forgiven=(Exception,)) as show, closing(events):
            for last in events:
                if isinstance(last, Begun):
                    name = last.study.name
                show(last)
    except KeyboardInterrupt:
        if name and not isinstance(last, TunedStudy | TunedProgram):
            said = f"ended early, with everything saved; to go on: caviar.resume({name!r}, ...)"
            with suppress(Exception):
                people.print(said, markup=False, soft_wrap=True)
        raise
    return last


def _watched() -> bool:
    """Whether somebody looks: stderr is a terminal, or this is a notebook."""
    if hasattr(builtins, "get_ipython") and "ipykernel" in sys.modules:
        return True
    try:
        return sys.stderr.isatty()
    except Exception:  # it is closed, or None, or something that has no idea what a terminal is
        return False
