"""Specifications: what a study was asked to do, as plain data that the store keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from caviar.records.config import Config, as_config
from caviar.records.reading import BY_ITSELF, Reading, Target, as_target
from caviar.records.retest import RetestSpec
from caviar.records.run import Intervention, InterventionState


class StudyKind(StrEnum):
    """The trials of a study."""

    TABLE = "table"  # networks of ours on a table
    FUNCTION = "function"  # a Python function of the user's
    PROGRAM = "program"  # a command line, in any language
    MODULE = "module"  # a network of the user's, in any framework, as a learner of ours
    ASKED = "asked"  # ask and tell: the user's own program trains


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    """A table and its answer. Paths are absolute; data that was no file is None and has to be given again.

    ``target`` is a column, or several.
    One in ``every`` rows for training and validation was used.
    """

    data: str | None = None
    target: Target = None
    labels: str | None = None
    test: str | None = None
    test_labels: str | None = None
    task: str | None = None
    reading: Reading = BY_ITSELF
    prefer: str = "score"
    preset: str = "single"
    balance: bool = False
    clip: bool = False
    target_scale: str = "plain"
    engine: str = "native"
    out: str | None = None
    every: int = 1


@dataclass(frozen=True, kw_only=True)
class ProgramSpec:
    """The user's own training code: ``command`` is None for a Python function, which has to be given again.

    ``slots`` are the trials trained at once when the study began: its decisions depend on them. ``folder`` is the
    working folder of the command, None for that of whoever resumes, as in earlier versions.
    """

    command: str | None = None
    folder: str | None = None
    score: str | None = None
    goal: str = "maximize"
    epochs: int = 27
    slots: int = 1
    processes: int | None = None
    gpus: tuple[str, ...] | None = None
    trial_timeout: float | None = None


@dataclass(frozen=True, kw_only=True)
class Winners:
    """The best configs of an earlier study, as they are there, the best first, with the numbers of their trials.

    ``label`` names the study, and its store where that is another. So many as ``ahead`` are tried before anything else,
    and where ``straight`` is true the first of them is trained to the end at once.
    """

    label: str
    trials: tuple[int, ...]
    configs: tuple[Config, ...]
    ahead: int = 0
    straight: bool = False


@dataclass(frozen=True, kw_only=True)
class StudySpec:
    """The kind of a study, its budget and its rungs.

    ``seconds`` and ``trials`` are the budget of the last command, either may be None; ``spent`` are the seconds that
    the commands before it worked on the study. ``rungs`` are epochs, rising; ``repeats`` counts how often each finalist
    is trained again. Trials with numbers below ``known`` were measured before the study began. ``first`` are configs
    that a person wants tried, in the order in which they came; ``like`` is what the search took from earlier studies.
    ``interventions`` are what people asked of the study since it began: enqueue, extend and stop. ``was_stopped`` is
    True where a person ended the search before the end of its budget, and it has not gone on since. ``retest`` is the
    answer that the study tests again.
    """

    kind: StudyKind
    seconds: float | None = None
    trials: int | None = None
    spent: float = 0.0
    rungs: tuple[int, ...] = ()
    repeats: int = 0
    stopping: str = "halving"
    known: int = 0
    first: tuple[Config, ...] = ()
    like: tuple[Winners, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    was_stopped: bool = False
    table: TableSpec | None = None
    program: ProgramSpec | None = None
    retest: RetestSpec | None = None

    @property
    def respaced(self) -> tuple[Intervention, ...]:
        """The changes of the space, the first one first: each has the first trial of the new space as its ``tick``.

        Their arguments are ``space`` and ``before``, the spaces after and before as plain data, and ``values``, those
        of hyperparameters that the trials before lack.
        """
        return tuple(
            each for each in self.interventions if each.kind == "respace" and each.state is InterventionState.DONE
        )

    @property
    def every_epoch(self) -> bool:
        """True where every epoch of a trial is measured; the user's own code may leave some out."""
        return self.kind in (StudyKind.TABLE, StudyKind.MODULE)

    def to_record(self) -> dict[str, Any]:
        """Plain data, for the store."""
        record = {**asdict(self), "kind": str(self.kind)}
        if self.table is not None:
            record["table"]["reading"] = self.table.reading.to_record()
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> StudySpec:
        """The specification that ``to_record`` wrote; fields of a newer version are left out."""
        plain = known(cls, record)
        table, program, retest = plain.get("table"), plain.get("program"), plain.get("retest")
        if table is not None:
            reading = Reading.from_record(table.get("reading") or {})
            preset = table.get("preset") or ("best" if table.get("ensemble") else "single")  # before there were presets
            target = as_target(table.get("target"))
            table = TableSpec(**known(TableSpec, table) | {"reading": reading, "preset": preset, "target": target})
        if program is not None:
            gpus = program.get("gpus")
            program = ProgramSpec(**known(ProgramSpec, program) | {"gpus": None if gpus is None else tuple(gpus)})
        interventions = tuple(_intervention(each) for each in plain.get("interventions") or ())
        stopped = any(each.kind == "stop" and each.state is InterventionState.DONE for each in interventions)
        return cls(
            **{"was_stopped": stopped}  # as it stood before there was this field
            | plain
            | {
                "kind": StudyKind(plain["kind"]),
                "rungs": tuple(plain.get("rungs") or ()),
                "first": tuple(as_config(config) for config in plain.get("first") or ()),
                "like": tuple(_winners(each) for each in plain.get("like") or ()),
                "interventions": interventions,
                "table": table,
                "program": program,
                "retest": None if retest is None else RetestSpec.from_record(retest),
            }
        )


def _intervention(record: Mapping[str, Any]) -> Intervention:
    plain = known(Intervention, record)
    return Intervention(**plain | {"state": InterventionState(plain["state"])})


def _winners(record: Mapping[str, Any]) -> Winners:
    plain = known(Winners, record)
    configs = tuple(as_config(config) for config in plain["configs"])
    return Winners(**plain | {"trials": tuple(plain["trials"]), "configs": configs})


def known(noun: type, record: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of ``record`` that are fields of ``noun``."""
    names = {field.name for field in fields(noun)}
    return {name: value for name, value in record.items() if name in names}
