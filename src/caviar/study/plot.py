"""``study.plot``: the pictures of a study as figures of plotly. The doors give the drawing, which lies above.

A figure is drawn from what the store has at that moment, so that a study under way can be looked at again and again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from caviar.errors import CaviarError, ConfigError
from caviar.store import Store

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


class Drawn(Protocol):
    """A study that can be drawn: its name, and the store that it is in."""

    @property
    def name(self) -> str: ...  # noqa: D102 - described by the class
    def opened(self) -> AbstractContextManager[Store]: ...  # noqa: D102


class Drawing(Protocol):
    """Draws studies: a picture by its name, and a small account for a notebook."""

    def figure(self, study: Drawn, picture: str, *more: Any) -> Figure: ...  # noqa: D102 - described by the class
    def html(self, study: Drawn) -> str: ...  # noqa: D102


class Plot:
    """The pictures of a study, each a figure of plotly: ``study.plot.history().show()``."""

    def __init__(self, study: Drawn, drawing: Drawing | None) -> None:
        self._study, self._drawing = study, drawing

    def __repr__(self) -> str:
        names = ", ".join(f"{name}()" for name in dir(type(self)) if not name.startswith("_"))
        return f"pictures of study {self._study.name!r}: {names}"

    def history(self) -> Figure:
        """The score of every trial and the best so far, against trials and against time."""
        return self._draw("history")

    def curves(self) -> Figure:
        """The scores of all trials by epoch as a density; the finalists and the best as lines."""
        return self._draw("curves")

    def rungs(self) -> Figure:
        """The trials that each rung let go on and stopped, and the epochs that this saved."""
        return self._draw("rungs")

    def slices(self) -> Figure:
        """The score against each hyperparameter on its own scale, those of the first tier first."""
        return self._draw("slices")

    def parallel(self) -> Figure:
        """A line a trial through its value on every scale; drag along an axis to choose lines."""
        return self._draw("parallel")

    def contour(self, a: str, b: str) -> Figure:
        """The score over the hyperparameters ``a`` and ``b``: means of the trials nearby, and the trials.

        Raises ConfigError for a name that is no searched hyperparameter.
        """
        return self._draw("contour", a, b)

    def importance(self) -> Figure:
        """The loss of predictions when a hyperparameter is shuffled, with intervals of 90 %."""
        return self._draw("importance")

    def boxes(self) -> Figure:
        """Every trial on each scale, and the boxes that coarse to fine drew from."""
        return self._draw("boxes")

    def timeline(self) -> Figure:
        """The time of each trial in a lane, by its state."""
        return self._draw("timeline")

    def compare(self, *others: Drawn | str) -> Figure:
        """The best score so far beside that of ``others``: studies, or names of studies in the same store.

        Raises ConfigError for anything else.
        """
        for other in others:
            if not isinstance(other, str) and not (hasattr(other, "opened") and hasattr(other, "name")):
                raise ConfigError(
                    f"a study is compared with other studies, got {other!r:.60}",
                    "give what caviar.tune gave back, or the name of a study in the same store",
                )
        return self._draw("compare", *others)

    def _draw(self, picture: str, *more: Any) -> Figure:
        if self._drawing is None:
            raise ConfigError(
                "this study was made by no call of caviar's, and cannot be drawn", "use caviar.open_study"
            )
        return self._drawing.figure(self._study, picture, *more)


class Shown(ABC):
    """A study that shows itself, once a door has given it its ``drawing``."""

    name: str
    drawing: Drawing | None = None

    @abstractmethod
    def opened(self) -> AbstractContextManager[Store]:
        """The store that has the study, with all that is known of it by now."""

    @property
    def plot(self) -> Plot:
        """The pictures of the study as it stands, each a figure of plotly: ``study.plot.history()``."""
        return Plot(self, self.drawing)

    def _repr_html_(self) -> str | None:
        """The study as a notebook shows it; None, for its repr, where the store cannot be read."""
        with suppress(CaviarError):
            return None if self.drawing is None else self.drawing.html(self)
        return None
