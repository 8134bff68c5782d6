"""The checks of a change of a study's space: by its search, its program, and the networks of a table."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np

from caviar.data.examples import Examples
from caviar.errors import SpaceError, did_you_mean
from caviar.learners.contract import TrainingData
from caviar.learners.names import learner_named
from caviar.learners.network_bytes import network_bytes
from caviar.protocol.command import Silent
from caviar.records import Study
from caviar.search.eras import Era
from caviar.search.feasible import check_constraints
from caviar.search.searches import DEFAULT_SEARCH, IMPORTED, search_named
from caviar.space import Space


def check_space(study: Study, eras: Sequence[Era], space: Space) -> None:
    """Raise UserMistake unless the search and the program of ``study`` can go on in ``space``."""
    functions = [one.text for one in (*eras[-1].space.constraints, *space.constraints) if not one.is_text]
    if functions:
        raise SpaceError(
            f"the store keeps no functions, and a constraint of the space is one: {functions[0]}",
            'write it as a text, "units2 <= units1", in both spaces',
        )
    check_constraints(space)
    search = DEFAULT_SEARCH if study.search == IMPORTED else study.search
    search_named(search, space, study.seed)  # not every search can walk through every space
    if study.spec.table is not None:
        learner = learner_named(study.spec.table.engine)
        for name in space.names:
            if name not in learner.hyperparameters:
                raise SpaceError(f"{name!r} is not a hyperparameter", did_you_mean(name, learner.hyperparameters))
        network_bytes(space, learner, _as_large(study))
    program = study.spec.program
    if program is not None and program.command is not None and program.score is not None:
        spaces = [*(era.space for era in eras), space]
        command = Silent(program.command, program.score, together(spaces), program.folder)
        asked = {other for scale in space.scales.values() for other in scale.when or {}}
        for name in space.names:
            if name not in eras[-1].space and name not in command.names | asked:
                raise SpaceError(
                    f"the program of study {study.name!r} does not take {name}: its command has no place for it",
                    f"leave it out; or begin a study of a command with {{{name}}}, and these trials: "
                    f"caviar tune --known {shlex.quote(study.name)}",
                )


def _as_large(study: Study) -> TrainingData:
    """Rows like those of the table of ``study``, of which only the shape is known."""
    targets = len(study.data.get("targets") or ())
    classes = targets or max(int(study.data.get("classes") or 1), 1)
    x = np.zeros((4, max(int(study.data.get("features") or 1), 1)), dtype=np.float32)
    y = np.zeros(4, np.float32) if classes == 1 else np.zeros(4, np.int32)
    rows = Examples(x, y, targets=targets)
    return TrainingData(rows, rows, classes)


def together(spaces: Sequence[Space]) -> Space:
    """A space with the hyperparameters of all ``spaces``, each as the last of them has it."""
    scales: dict[str, Any] = {}
    for space in spaces:
        scales |= space.scales
    last = spaces[-1]
    return last if len(last) == len(scales) else Space(**{n: _free(s, n in last) for n, s in scales.items()})


def _free(scale: Any, is_there: bool) -> Any:
    """``scale``, without its condition unless it is still there: what that names may have gone."""
    return scale if is_there else type(scale)(**{**_fields(scale), "when": None})


def _fields(scale: Any) -> dict[str, Any]:
    return {name: getattr(scale, name) for name in scale.__dataclass_fields__}
