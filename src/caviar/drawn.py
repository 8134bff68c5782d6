"""Studies and runs that show themselves in Python: what views read and report/ draws, for the objects of calls.

The objects lie below report/ (study/events.py, study/ask_tell.py, runs/own_loop.py), so the doors hand them this.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from caviar.report import figures
from caviar.report.small_page import run_html, study_html
from caviar.store import Store
from caviar.study.ask_tell import OpenStudy
from caviar.study.plot import Drawn
from caviar.views.pictures import comparison
from caviar.views.run import run_view
from caviar.views.study_page import side_of, study_page

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


_Open = TypeVar("_Open", bound=Callable[..., OpenStudy])


class Drawings:
    """A Drawing of studies (study/plot.py); it has no state."""

    def figure(self, study: Drawn, picture: str, *more: Any) -> Figure:
        """The figure of ``picture``; of "compare" the studies beside it are ``more``."""
        with study.opened() as store:
            if picture != "compare":
                page = study_page(store, study.name)
                return figures.PICTURES[picture](page, *more)
            sides = [side_of(store, study.name), *(side_of(store, other) for other in more if isinstance(other, str))]
        for other in more:
            if not isinstance(other, str):
                with other.opened() as store:
                    sides.append(side_of(store, other.name))
        return figures.compare(comparison(sides))

    def html(self, study: Drawn) -> str:
        """The study as a notebook shows it."""
        with study.opened() as store:
            return study_html(study_page(store, study.name))


DRAWINGS = Drawings()


def drawn(call: _Open) -> _Open:
    """Let the study that ``call`` opens draw itself."""

    @wraps(call)
    def opening(*given: Any, **named: Any) -> Any:
        study = call(*given, **named)
        study.drawing = DRAWINGS
        return study

    return cast(_Open, opening)


def run_as_html(store: Store, name: str) -> str:
    """Run ``name`` as a notebook shows it."""
    return run_html(run_view(store, name))
