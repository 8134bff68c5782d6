"""Interventions in a study while it runs: more of its budget, or its end. Its process looks at the store for them.

The first stop ends the search as the end of the budget would: the finals follow, and the answer. A second one ends the
study as Ctrl-C does, with everything saved.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from caviar.errors import UserMistake
from caviar.records import Intervention, InterventionState, StudySpec
from caviar.search.eras import RESPACE, era_of
from caviar.store import Store
from caviar.store.delivery import Delivery
from caviar.study.enqueued import Enqueued
from caviar.study.respacing import Respacing

LOOK_EVERY = 0.5  # seconds between two looks at the store

_REFUSED, _DONE = InterventionState.REFUSED, InterventionState.DONE
_LATE = "its search is over; wait for its answer, and {} it then"


class Extend(Protocol):
    """Begins more trials than the budget had; False where it is too late."""

    def __call__(self, trials: int) -> bool: ...  # noqa: D102 - described by the class


class Interventions:
    """Interventions in one study since its process began, and the configs that were enqueued."""

    def __init__(self, ended: Callable[[], bool] = lambda: False, queue: Enqueued | None = None) -> None:
        """``ended`` turns true where a person wants the end at once: by Ctrl-C, say."""
        self.stops = 0
        """The number of times that a person has asked for the end through the store."""
        self.seconds = 0.0
        """Seconds that the budget has more."""
        self.queue = queue
        """The configs that are wanted; they are looked for too."""
        self.extend: Extend | None = None
        """Set while a search with a budget of trials runs."""
        self.respacing: Respacing | None = None
        """Set while a search runs."""
        self.searches: Callable[[], bool] = lambda: True
        """True until the search is over."""
        self._ended = ended
        self._store: Store | None = None
        self._delivery: Delivery | None = None
        self._looked = float("-inf")
        self._answers: dict[int, tuple[InterventionState, str]] = {}

    def follow(self, store: Store, delivery: Delivery) -> Interventions:
        """Look for what is asked of the study that this process owns from here on; itself."""
        self._store, self._delivery = store, delivery
        return self

    def leave(self) -> None:
        """Look at the store no more."""
        self._store = self._delivery = None

    def last_look(self) -> None:
        """Look before the search is over: a short one may be through before the next look is due."""
        self.look(at_once=True)

    def ended(self) -> bool:
        """True where the study has to end at once; it looks at the store, twice a second at most."""
        self.look()
        return self._ended() or self.stops > 1

    def look(self, at_once: bool = False) -> None:
        """Take in what was asked meanwhile."""
        now = time.monotonic()
        if self._store is None or self._delivery is None or not (at_once or now - self._looked >= LOOK_EVERY):
            return
        self._looked = now
        store, delivery = self._store, self._delivery
        spec = delivery.ask(lambda: store.spec(delivery.lease.name), None)
        if spec is None:  # the store is away
            return
        if self.queue is not None:
            self.queue.take(spec.first)
        for asked in spec.interventions:
            if asked.state is InterventionState.WAITING:
                if asked.number not in self._answers:  # else the store was away when it was to be answered
                    self._answers[asked.number] = self._carry_out(store, delivery, spec, asked)
                state, outcome = self._answers[asked.number]
                delivery.ask(partial(store.answer, delivery.lease, asked.number, state, outcome), None)

    def _carry_out(
        self, store: Store, delivery: Delivery, spec: StudySpec, asked: Intervention
    ) -> tuple[InterventionState, str]:
        if asked.kind == "stop":
            return self._stop(spec)
        if asked.kind == RESPACE:
            return self._respace(store, delivery, asked)
        if asked.kind == "extend":
            return self._extend(spec, asked.arguments)
        return _REFUSED, "this version of caviar does not know it; upgrade caviar"

    def _stop(self, spec: StudySpec) -> tuple[InterventionState, str]:
        self.stops += 1
        if self.stops > 1 or not self.searches():
            self.stops = 2
            return _DONE, "it ends at once, with everything saved"
        if not spec.repeats:
            return _DONE, "its search ends, and it has its answer"
        return _DONE, "its search ends, and the best of its trials are trained again for the answer"

    def _extend(self, spec: StudySpec, more: Mapping[str, Any]) -> tuple[InterventionState, str]:
        late = _LATE.format("resume")
        if self.stops or not self.searches():
            return _REFUSED, late
        if more.get("seconds") is not None and spec.seconds is not None:
            self.seconds += float(more["seconds"])
            return _DONE, f"{more['seconds']:g} s more"
        if more.get("trials") is not None and spec.trials is not None:
            if self.extend is None or not self.extend(spec.trials + int(more["trials"])):
                return _REFUSED, late
            return _DONE, f"{int(more['trials']):,} trials more"
        return _REFUSED, "that is not the kind of its budget; resume it when it has its answer"

    def _respace(self, store: Store, delivery: Delivery, asked: Intervention) -> tuple[InterventionState, str]:
        """Change the space: in the store first, and no trial is begun before it is there."""
        respacing = self.respacing
        if respacing is None or self.stops or not self.searches():
            return _REFUSED, _LATE.format("respace")
        era = era_of(asked.arguments, respacing.begun())
        try:
            outcome = respacing.planned(era)
        except UserMistake as mistake:
            return _REFUSED, f"{mistake.rule}; {mistake.way_out}"
        number = asked.number
        first = era.first_trial
        delivery.need(lambda: store.answer(delivery.lease, number, _DONE, outcome, first))
        respacing.take(era)
        return _DONE, outcome
