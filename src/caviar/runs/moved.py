"""A run whose files, or whose program's folder, are in another place now than where it began."""

from __future__ import annotations

from collections.abc import Mapping

from caviar.errors import ConfigError
from caviar.moved import FILES, check_files, check_folder, relocated
from caviar.records import Run, RunKind, RunSpec


def spec_where_it_is(run: Run, moved: Mapping[str, str]) -> RunSpec:
    """The specification of ``run`` with its files in their new places. UserMistake where one is not there."""
    of_a_program = run.kind is RunKind.PROGRAM
    for option in moved:
        if (option == "folder") != of_a_program:
            its, other = ("program", "tables") if of_a_program else ("table", "programs")
            raise ConfigError(f"run {run.name!r} is of a {its}, and `{option}` is for {other}", "leave it out")
    spec = relocated(run.spec, moved, [*FILES, "folder"])
    whose = f"run {run.name!r}"
    if of_a_program:
        check_folder(whose, spec.folder)
    else:
        check_files(whose, paths_of(spec))
    return spec


def paths_of(spec: RunSpec) -> dict[str, str | None]:
    """The paths of the files of a run, by the names of their arguments."""
    return {name: getattr(spec, name) for name in FILES}
