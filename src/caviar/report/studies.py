"""The studies of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from caviar.records import Study, TrialState
from caviar.report.text import main_score


def study_row(study: Study, counts: Mapping[TrialState, int]) -> dict[str, Any]:
    """A study as plain data."""
    best = (study.result or {}).get("best")
    return {
        "study": study.name,
        "state": str(study.state),
        "created": study.created,
        "ended": study.ended,
        "seed": study.seed,
        "metric": study.metric,
        "search": study.search,
        "budget": dict(study.budget),
        "data": dict(study.data),
        "trials": {str(state): n for state, n in counts.items()},
        "best": best,
    }


def studies_table(studies: Sequence[Study], counts: Mapping[str, Mapping[TrialState, int]]) -> Table:
    """A row a study."""
    table = Table(box=None, pad_edge=False)
    for heading in ("study", "state", "created", "rows", "trials", "best", "sealed test"):
        table.add_column(heading, justify="right" if heading in ("rows", "trials") else "left")
    for study in studies:
        best = (study.result or {}).get("best") or {}
        test = best.get("test") or {}
        table.add_row(
            Text(study.name),
            str(study.state),
            study.created[:16].replace("T", " "),
            f"{study.data.get('rows', 0):,}",
            f"{sum(counts[study.name].values()):,}",
            f"trial {best['trial']}" if best else "",
            main_score(test) if test else "",
        )
    return table
