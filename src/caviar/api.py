"""The calls from Python: ``tune``, ``resume``, ``retest``, ``enqueue``, ``train`` and ``open_study``.

    tune        tune_table for data, tune_program for a function: each makes a request and follows it to its answer
    resume      the same for a study that is in a store
    retest      an old answer on today's data (study/retest.py)
    enqueue     a config that such a study is to try
    train       one network on arrays (learners/dense/fit.py)
    open_study  ask and tell (study/ask_tell.py)

A study is a stream of events (study/tune.py). A call runs it to the end, and shows it on stderr where a person looks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from caviar import other_tuners
from caviar.arguments import check_kinds, checked, kinds_of_fields, refuse_unknown
from caviar.drawn import drawn
from caviar.errors import ConfigError
from caviar.following import answer_of
from caviar.learners.dense import fit
from caviar.ranges import brief
from caviar.records import Reading
from caviar.records.ranking import Goal
from caviar.records.reading import as_target
from caviar.space import Space
from caviar.study import ask_tell, enqueued
from caviar.study.events import TunedProgram, TunedStudy
from caviar.study.options import ProgramOptions, ResumeOptions, TableOptions
from caviar.study.resume import take_up
from caviar.study.retest import retesting
from caviar.study.spec import EPOCHS, ProgramRequest, Request, space_of
from caviar.study.tune import follow

if TYPE_CHECKING:
    from caviar.clients.caviar_client import Trial

__all__ = ["enqueue", "open_study", "resume", "retest", "train", "tune", "tune_program", "tune_table"]

File = str | os.PathLike[str]


_OF_READING = frozenset(field.name for field in fields(Reading))
_OF_A_TABLE, _OF_A_PROGRAM, _OF_A_RESUME = TableOptions(), ProgramOptions(), ResumeOptions()
_Options = TypeVar("_Options", TableOptions, ProgramOptions)
_Call = TypeVar("_Call", bound=Callable[..., Any])


def _with_named_options(call: _Call) -> _Call:
    """Let the fields of a call's ``options`` be arguments of the call, too, and refuse other names."""
    default = signature(call).parameters["options"].default
    kind = type(default)
    kinds = kinds_of_fields(kind)
    named = {field.name for field in fields(kind)}
    known = [*signature(call).parameters, *sorted(named)]

    @wraps(call)
    def calling(*given: Any, **arguments: Any) -> Any:
        refuse_unknown(f"caviar.{call.__name__}", arguments, known)
        rarer = {name: arguments.pop(name) for name in named & set(arguments)}
        options = arguments.pop("options", None)
        options = default if options is None else options
        if not isinstance(options, kind):
            raise ConfigError(
                f"`options` must be a caviar.{kind.__name__}, got {brief(options)}",
                f"write `options=caviar.{kind.__name__}(...)`",
            )
        options = replace(options, **rarer)
        return call(*given, **arguments, options=replace(options, **check_kinds(vars(options), kinds)))

    return cast(_Call, calling)


@overload
def tune(
    data: Callable[[Trial], float | None],
    target: Space | File,
    *,
    seconds: float | None = None,
    trials: int | None = None,
    seed: int = 0,
    goal: Goal | None = None,
    epochs: int = EPOCHS,
    study: str | None = None,
    store: File | None = "caviar.db",
    processes: int | None = None,
    progress: bool | None = None,
    options: ProgramOptions = ...,
) -> TunedProgram: ...


@overload
def tune(
    data: Any,
    target: str | Sequence[str] | None = None,
    *,
    seconds: float | None = None,
    trials: int | None = None,
    seed: int = 0,
    metric: str | None = None,
    space: Space | File | None = None,
    study: str | None = None,
    store: File | None = "caviar.db",
    threads: int | None = None,
    progress: bool | None = None,
    options: TableOptions = ...,
) -> TunedStudy: ...


def tune(data: Any = None, target: Any = None, *more: Any, **given: Any) -> TunedStudy | TunedProgram:
    """Find the best network within a budget: a dense one for a table, or one that a function of yours trains.

    ``tune(data, target, ...)``: the best dense network for a table.

    data: a path (CSV, Parquet, NPZ, NPY, IDX), a DataFrame, or a pair of arrays (x, y).
    target: the column or key of the labels; or a list of columns with two labels each, such as yes and no, which one
        network learns together: ``["sport", "politics"]``.
    metric: accuracy (the default), balanced_accuracy, log_loss, roc_auc, average_precision, f1_macro, mcc, brier or
        calibration_error; for regression r2 (the default), rmse, mae or mape; for several targets hamming_accuracy (the
        default), exact_match, log_loss, f1_macro, roc_auc or average_precision. Measured on the validation part.
    space: a Space or the path of a space file; by default the space for dense networks.
    threads: networks trained at once; by default one a processor.
    options: a TableOptions, with the rarer arguments.

    ``tune(objective, space, ...)``: the best config for ``objective(trial)``, which trains in any framework.

    objective: gets a Trial with ``config``, ``seed``, ``last_epoch`` and ``folder``. It calls
        ``trial.report(epoch, score)`` after each epoch (1, 2, ...). That raises TrialStopped where the trial is stopped
        early: let it pass. The function may return its final score. It runs in processes of its own, each of which
        trains many trials. Its output is kept, and shown when it fails.
    goal: "maximize" for scores, as where it is None; "minimize" for losses.
    epochs: the most epochs of a trial; trials are compared after a third, a ninth, ... of them.
    processes: trials at once, each in a process; by default one a GPU, or a processor.
    options: a ProgramOptions, with the rarer arguments.

    Of both:

    seconds, trials: the budget, wall time for everything (60 if neither is given) or a number of trials. For a table
        trials give the same study, to the bit, on any number of ``threads``. For a function the same decisions follow
        from the same scores, seed and number of ``processes``.
    study: the study's name. By default it is made from the data's or the function's, and numbered where that is taken.
        A name that you give must be free.
    store: the database that the study is written to; None is one in memory, which leaves no file behind.
    progress: True shows the study on stderr, live in a terminal or a notebook, elsewhere as a line every two seconds;
        False is silent. By default it is shown where stderr is a terminal, and in a notebook.

    A field of the options can be given as an argument of the call, too: ``tune(objective, space, repeats=3)``.

    What is noted about the data, the search and the answer is in ``study.notes``, and each note is a CaviarWarning.

    Raises UserMistake before anything is written; NoAnswer when every trial diverged or failed, or time was too short.
    """
    if more:
        raise ConfigError(
            f"caviar.tune takes two arguments without a name, got {2 + len(more)}",
            "name the others, `trials=100`; arrays are one argument, a pair: caviar.tune((X, y))",
        )
    if data is None and callable(given.get("objective")):
        data = given.pop("objective")
    if data is None:
        refuse_unknown("caviar.tune", given, names_of("table") | names_of("function") - {"objective"})
        raise ConfigError(
            "there is nothing to tune: neither data nor a function",
            'caviar.tune("flowers.csv", target="species"), or caviar.tune(objective, space)',
        )
    if callable(data):
        if target is not None:  # beside a space it is a table's, and refused
            given["target" if "space" in given else "space"] = target
        return tune_program(data, given.pop("space", None), **_sorted_out("function", given))
    return tune_table(data, target, **_sorted_out("table", given))


vars(tune).update(other_tuners.calls("tune"))  # caviar.tune.run and the like, as in Ray Tune


@checked
def tune_table(
    data: Any,
    target: Any = None,
    *,
    seconds: float | None = None,
    trials: int | None = None,
    seed: int = 0,
    metric: str | None = None,
    space: Space | File | None = None,
    study: str | None = None,
    store: File | None = "caviar.db",
    threads: int | None = None,
    progress: bool | None = None,
    options: TableOptions = _OF_A_TABLE,
) -> TunedStudy:
    """Find the best dense network for a table; ``tune`` describes the arguments."""
    if isinstance(data, Space) or callable(target) or isinstance(target, Space):
        raise ConfigError(
            f"neither a table nor a function comes first, but {type(data).__name__}",
            "give a function of a trial without calling it, and its space: caviar.tune(objective, space)",
        )
    request = Request(
        data=data,
        target=as_target(target),
        seconds=seconds,
        trials=trials,
        seed=seed,
        metric=metric,
        space=None if space is None else space_of(space),
        study=study,
        store=store,
        threads=threads,
        reading=Reading.from_record(_fields(options)),
        **{name: value for name, value in _fields(options).items() if name not in _OF_READING},
    )
    reading = Path(data).name if isinstance(data, str | os.PathLike) else "the data"
    answer = answer_of(follow(request, fresh_name=study is None), reading, progress, options.after_trial)
    assert isinstance(answer, TunedStudy)
    return answer


@checked
def tune_program(
    objective: Callable[[Trial], float | None],
    space: Space | File,
    *,
    seconds: float | None = None,
    trials: int | None = None,
    seed: int = 0,
    goal: Goal | None = None,
    epochs: int = EPOCHS,
    study: str | None = None,
    store: File | None = "caviar.db",
    processes: int | None = None,
    progress: bool | None = None,
    options: ProgramOptions = _OF_A_PROGRAM,
) -> TunedProgram:
    """Find the best config for a function that trains; ``tune`` describes the arguments."""
    request = ProgramRequest(
        objective=objective,
        space=None if space is None else space_of(space),
        seconds=seconds,
        trials=trials,
        seed=seed,
        goal=goal,
        epochs=epochs,
        study=study,
        store=store,
        processes=processes,
        **_fields(options),
    )
    reading = getattr(objective, "__name__", "the function")
    answer = answer_of(follow(request, fresh_name=study is None), reading, progress, options.after_trial)
    assert isinstance(answer, TunedProgram)
    return answer


@_with_named_options
@checked
def resume(
    study: str,
    *,
    store: File = "caviar.db",
    seconds: float | None = None,
    trials: int | None = None,
    data: Any = None,
    test: Any = None,
    threads: int | None = None,
    processes: int | None = None,
    out: File | None = None,
    progress: bool | None = None,
    options: ResumeOptions = _OF_A_RESUME,
) -> TunedStudy | TunedProgram:
    """Take a study up again, one that was interrupted or one that deserves more.

    seconds, trials: so many seconds more, or the trials that the study should have in all. Where neither is given, the
        rest of its first budget. A budget of trials ends in the same bits as if the study had never been broken.
    data, test: needed where the study began with arrays, a DataFrame or a function, which the store does not keep, and
        where their files were moved. A function is given as ``data``.
    threads, processes, out, progress: as in ``tune``.
    options: a ResumeOptions, with the rarer arguments: ``repeats``, ``constraints``, ``after_trial``, ``labels``,
        ``test_labels``, ``folder``. Each can be given as an argument of the call, too.

    Raises UserMistake where there is nothing to take up, or the data is no longer the same.
    """
    rarer = dict(vars(options))
    after_trial = rarer.pop("after_trial")
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
        **rarer,
    )
    return answer_of(events, f"study {study}", progress, after_trial)


@checked
def retest(
    study: File,
    *,
    data: Any = None,
    test: Any = None,
    seconds: float | None = None,
    trials: int | None = None,
    seed: int | None = None,
    name: str | None = None,
    store: File = "caviar.db",
    threads: int | None = None,
    out: File | None = None,
    progress: bool | None = None,
) -> TunedStudy:
    """Test an old answer again: is it still the best on today's data and machine?

    study: the name of a study of a table, or the path of a model.
    data, test: today's data, and data that is sealed until the end. Without ``data`` it is that of the study, as its
        file is today. The old weights are compared on rows that they were not trained on, and not at all where that
        file has changed.
    seconds, trials: the budget of everything; or the number of challengers, beside the old finalists.
    seed: of the new splits, the search and every weight; by default the study's and 1.
    name: that of the new study, which must be free; by default the old one's with "-retest", numbered.
    store, threads, out, progress: as in ``tune``.

    Returns the new study; its ``retest`` has the ``verdict``: "keep", "retrain" (the same configs, new weights are
    better), "retune" (another config is better) or "unclear"; ``why``; the ``differences`` with their intervals; the
    ``environment`` and the ``drift`` of the data. Raises UserMistake before anything is written.
    """
    events = retesting(
        os.fspath(study),
        store=store,
        data=data,
        test=test,
        seconds=seconds,
        trials=trials,
        seed=seed,
        study=name,
        threads=threads,
        out=out,
    )
    answer = answer_of(events, f"what there is of {os.fspath(study)}", progress, None)
    assert isinstance(answer, TunedStudy)
    return answer


enqueue = checked(enqueued.enqueue)
train = checked(fit.train)
open_study = _with_named_options(checked(drawn(ask_tell.open_study)))


# --- arguments of one kind of study ---

_INSTEAD = {
    "goal": "a metric has a direction of its own: choose one with `metric`",
    "metric": 'use `goal="minimize"`',
    "processes": "use `threads=2`",
    "repeats": "use `trials`",
    "threads": "use `processes=2`",
}


def names_of(kind: str) -> frozenset[str]:
    """The names of the arguments that ``tune`` takes for a ``kind`` of study, the fields of its options among them."""
    call, options = _KINDS[kind]
    return frozenset(signature(call).parameters) | {field.name for field in fields(options)}


def refuse_other_kind(kind: str, given: Iterable[str]) -> None:
    """Raise ConfigError for the first name of ``given`` that belongs to the other ``kind`` of study alone."""
    other = "function" if kind == "table" else "table"
    for name in sorted(names_of(other) - names_of(kind) & set(given)):
        if kind == "table":
            rule = f"`{name}` is for code of your own, and caviar itself trains the networks of a table"
        else:
            rule = f"`{name}` is for tables, and code of your own trains in processes, on its own data"
        raise ConfigError(rule, _INSTEAD.get(name, f"leave out `{name}`"))


def _sorted_out(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments ``given`` for a ``kind`` of study, with the fields of its options in ``options``."""
    _, options = _KINDS[kind]
    refuse_other_kind(kind, given)
    refuse_unknown("caviar.tune", given, sorted(names_of(kind) - {"objective"}))
    if not isinstance(given.get("options", options()), options):
        raise ConfigError(
            f"the `options` of a {kind} must be a caviar.{options.__name__}, got {type(given['options']).__name__}",
            f"write `options=caviar.{options.__name__}(...)`",
        )
    named = {field.name for field in fields(options)} & set(given)
    rest = {name: value for name, value in given.items() if name not in named}
    if not named:
        return rest
    return rest | {"options": replace(given.get("options", options()), **{name: given[name] for name in named})}


def _fields(options: TableOptions | ProgramOptions) -> dict[str, Any]:
    """The options that a request has: all but ``after_trial``, which is of the call.

    Raises ConfigError for one of another kind than it is to be.
    """
    given = {name: value for name, value in vars(options).items() if name != "after_trial"}
    return check_kinds(given, kinds_of_fields(type(options)))


_KINDS: dict[str, tuple[Callable[..., Any], type[TableOptions | ProgramOptions]]] = {
    "table": (tune_table, TableOptions),
    "function": (tune_program, ProgramOptions),
}
