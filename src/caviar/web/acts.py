"""The acts of the pages: each goes through the function of the command of its name, and is refused in its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from caviar.errors import ConfigError, StoreError, did_you_mean
from caviar.records import InterventionState, StudyState
from caviar.records.names import cleaned
from caviar.report.text import config_text
from caviar.runs import client as runs
from caviar.store import Store
from caviar.store.process import person
from caviar.store.runs import Runs
from caviar.study import client as studies
from caviar.study.enqueued import wish
from caviar.web.app import Act
from caviar.web.detached import Commands

Arguments = Mapping[str, Any]

_TEXT, _NUMBER, _WHOLE = (str,), (int, float), (int,)
_KINDS = {str: "text", int: "a whole number", float: "any other", dict: "values by name"}
_MOST_TEXT = 2000  # letters of a reason
_BECAUSE = {"because": _TEXT}


def acts_on(commands: Commands) -> Mapping[tuple[str, str], Act]:
    """Every act on the store of ``commands``, by the kind of its subject and its name."""
    on = _Acts(commands)
    return {
        ("study", "stop"): on.stop_study,
        ("study", "extend"): on.extend,
        ("study", "resume"): on.resume_study,
        ("study", "enqueue"): on.enqueue,
        ("run", "turn"): on.turn,
        ("run", "continue"): on.go_on,
        ("run", "rollback"): on.rollback,
        ("run", "branch"): on.branch,
        **{("run", kind): partial(on.plain, kind) for kind in ("pause", "snapshot", "stop")},
    }


@dataclass(frozen=True)
class _Acts:
    commands: Commands

    @property
    def store(self) -> str:
        return self.commands.url

    # --- on studies ---

    def stop_study(self, study: str, arguments: Arguments) -> str:
        given = _checked("stop", arguments, _BECAUSE)
        return _outcome(studies.intervene(study, "stop", {}, self.store, _because(given), _who()).outcome)

    def extend(self, study: str, arguments: Arguments) -> str:
        given = _checked("extend", arguments, {"seconds": _NUMBER, "trials": _WHOLE, **_BECAUSE})
        more = {name: given[name] for name in ("seconds", "trials") if given.get(name) is not None}
        return _outcome(studies.intervene(study, "extend", more, self.store, _because(given), _who()).outcome)

    def resume_study(self, study: str, arguments: Arguments) -> str:
        given = _checked("resume", arguments, {"seconds": _NUMBER, "trials": _WHOLE, **_BECAUSE})
        if runs.going_on(study, self.store) is not None:
            raise StoreError(f"{study!r} is a run, too, which caviar resume would go on with", "delete or rename one")
        with Store.open(self.store, read_only=True) as store:
            living = store.leases.living(study)
            before = max((lease.fence for lease in store.leases.of(study)), default=0)
            begun = sum(store.trial_counts().get(study, {}).values())
        if living:
            raise StoreError(f"study {study!r} is running", "extend it, to give it more")
        words: list[str] = []
        if given.get("seconds") is not None:
            words += ["--seconds", str(given["seconds"])]
        if given.get("trials") is not None:
            words += ["--trials", str(begun + given["trials"])]  # the command counts all of them

        def has_begun(store: Store) -> bool:
            is_running = store.study(study).state is StudyState.RUNNING  # it takes the lease before it refuses
            return is_running and any(lease.fence > before for lease in store.leases.living(study))

        said = self.commands.start("study", study, ["resume", *words, "--", study], has_begun)
        more = {name: given[name] for name in ("seconds", "trials") if given.get(name) is not None}
        with Store.open(self.store) as store:
            store.intervene(study, "resume", more, _who(), cleaned(_because(given)))
        return said

    def enqueue(self, study: str, arguments: Arguments) -> str:
        given = _checked("enqueue", arguments, {"config": (dict,), **_BECAUSE})
        config = given.get("config") or {}
        if not config:
            raise ConfigError("a config names at least one hyperparameter", "write learning_rate=0.01, say")
        texts = [f"{name}={value}" for name, value in config.items()]
        is_text = all(isinstance(value, str) for value in config.values())
        wished = wish(study, texts if is_text else config, self.store, _because(given), _who())
        when = "next" if wished.is_running else "first when the study goes on"
        return f"{config_text(wished.config)} is tried {when}"

    # --- on runs ---

    def plain(self, kind: str, run: str, arguments: Arguments) -> str:
        return self._intervene(run, kind, {}, _checked(kind, arguments, _BECAUSE))

    def turn(self, run: str, arguments: Arguments) -> str:
        given = _checked("turn", arguments, {"changes": (dict,), **_BECAUSE})
        changes = given.get("changes") or {}
        if not changes:
            raise ConfigError("a turn names at least one knob", "write learning_rate=0.003, say")
        assignments = [f"{name}={value}" for name, value in changes.items()]
        return self._intervene(run, "turn", runs.changes_of(run, assignments, self.store), given)

    def go_on(self, run: str, arguments: Arguments) -> str:
        given = _checked("continue", arguments, _BECAUSE)
        with Store.open(self.store, read_only=True) as store:
            Runs(store).run(run)  # of a name that is none its own error
        if runs.going_on(run, self.store) == "paused":
            return self._intervene(run, "resume", {}, given)

        def has_begun(store: Store) -> bool:
            return bool(Runs(store).leases.living(run))

        words = ["--because", _because(given) or "continued in the dashboard"]
        return self.commands.start("run", run, ["resume", *words, "--", run], has_begun, _who())

    def rollback(self, run: str, arguments: Arguments) -> str:
        given = _checked("rollback", arguments, {"snapshot": _WHOLE, "to": (str, int), **_BECAUSE})
        number = runs.snapshot_of(run, given.get("to"), given.get("snapshot"), self.store)
        return self._intervene(run, "rollback", {} if number is None else {"snapshot": number}, given)

    def branch(self, run: str, arguments: Arguments) -> str:
        kinds = {"snapshot": _WHOLE, "at": (str, int), "name": _TEXT, "epochs": _WHOLE, "changes": (dict,), **_BECAUSE}
        given = _checked("branch", arguments, kinds)
        number = runs.branch_point(run, given.get("at"), given.get("snapshot"), self.store)
        changes = [f"{name}={value}" for name, value in (given.get("changes") or {}).items()]
        runs.changes_of(run, changes, self.store)  # a mistake is refused here
        words = ["--snapshot", str(number), "--because", _because(given) or "branched in the dashboard"]
        for option in ("name", "epochs"):
            if given.get(option) is not None:
                words += [f"--{option}", str(given[option])]
        with Store.open(self.store, read_only=True) as store:
            before = set(Runs(store).subjects.names())

        def has_begun(store: Store) -> bool:
            return bool(set(Runs(store).subjects.names()) - before)

        return self.commands.start("run", run, ["branch", *words, "--", run, *changes], has_begun, _who())

    def _intervene(self, run: str, kind: str, changes: Mapping[str, Any], given: Arguments) -> str:
        asked = runs.intervene(run, kind, changes, self.store, _because(given), _who())
        runs.check_taken(run, asked)
        if asked.state is InterventionState.WAITING:
            if runs.is_held(run, self.store):
                return f"{kind} waits until the run comes to its next mini-batch"
            return f"{kind} waits until a process trains the run"
        return f"{kind} {asked.state} {asked.outcome}".rstrip()


def _who() -> str:
    """The person who acts: of the pages, whoever runs the dashboard."""
    return f"{person()} (dashboard)"


def _because(given: Arguments) -> str:
    return str(given.get("because") or "")[:_MOST_TEXT]


def _outcome(said: str) -> str:
    return said or "it waits until the study looks at its store, between two tasks"


def _checked(act: str, arguments: Arguments, kinds: Mapping[str, tuple[type, ...]]) -> Arguments:
    """The ``arguments`` of an act, each of one of its ``kinds`` or null. Raises ConfigError."""
    for name, value in arguments.items():
        if name not in kinds:
            raise ConfigError(f"{act} has no argument {name[:60]!r}", did_you_mean(name, kinds))
        if value is not None and (not isinstance(value, kinds[name]) or isinstance(value, bool)):
            wanted = " or ".join(_KINDS[kind] for kind in kinds[name])
            raise ConfigError(f"`{name}` must be {wanted}, got {value!r:.60}", "give it so, or leave it out")
    return arguments
