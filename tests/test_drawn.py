"""Studies and runs that show themselves: figures of plotly, and small pages in notebooks."""

from __future__ import annotations

import math
import re
import warnings
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caviar
from caviar import babysit
from caviar.errors import CaviarWarning, ConfigError
from caviar.report import figures

HOSTILE = "<img src=x onerror=alert(1)>"
SPACE = caviar.Space(
    learning_rate=caviar.Log(1e-4, 1, tier=1),
    kind=caviar.Choice(["plain", HOSTILE]),
    momentum=caviar.OneMinusLog(0.9, 0.999, when={"kind": ["plain"]}),
)


class Tags(HTMLParser):
    """The tags of a page, and whether each that is open is closed again."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("circle", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("circle", "polyline"):
            assert self.open.pop() == tag


def played(store: str | None, name: str = "play", n: int = 60) -> caviar.OpenStudy:
    """A study of ask and tell whose value is best at a learning rate of 0.01; open."""
    study = caviar.open_study(name, SPACE, goal="minimize", search="random", rungs=(1, 3), store=store)
    for trial in study.ask(n) if n else []:
        value = (math.log10(trial.config["learning_rate"]) + 2) ** 2 + 0.1
        for epoch in (1, 2, 3):
            if trial.number == 7:
                value = math.nan
            if not study.report(trial, epoch, value + 1 / epoch):
                break
        study.tell(trial, value)
    return study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory):
    path: Path = tmp_path_factory.mktemp("drawn") / "c.db"
    with played(str(path)) as opened:
        yield opened


def drawn(study: caviar.OpenStudy, picture: str) -> figures.Figure:
    more = ("learning_rate", "momentum") if picture == "contour" else ()
    return getattr(study.plot, picture)(*more)


@pytest.mark.parametrize("picture", [*figures.PICTURES, "compare"])
def test_every_picture_is_a_figure_whose_texts_are_no_markup(study: caviar.OpenStudy, picture: str):
    figure = drawn(study, picture)
    assert type(figure).__name__ == "Figure"
    assert "play" in figure.layout.title.text
    assert HOSTILE not in figure.to_json()
    assert "<img" not in figure.to_json().replace("\\u003c", "<")


def test_the_history_has_every_trial_and_the_best_so_far(study: caviar.OpenStudy):
    figure, rows = study.plot.history(), study.trials()
    by_number = {}
    for trace in figure.data:
        if trace.xaxis == "x" and trace.mode == "markers":
            by_number |= dict(zip(trace.x, trace.y, strict=True))
    finite = rows[np.isfinite(rows.score)]
    assert sorted(by_number) == rows.number.tolist()
    assert [by_number[n] for n in finite.number] == pytest.approx(finite.score.tolist())
    best = next(trace for trace in figure.data if trace.name == "best so far" and trace.xaxis == "x")
    assert best.y[-1] == pytest.approx(rows.score.min())
    assert list(best.y) == sorted(best.y, reverse=True)


def test_axes_are_the_scales_of_the_hyperparameters(study: caviar.OpenStudy):
    contour = study.plot.contour("learning_rate", "momentum")
    assert contour.layout.xaxis.ticktext == ("0.0001", "0.001", "0.01", "0.1", "1")
    assert contour.layout.xaxis.tickvals == pytest.approx((0, 0.25, 0.5, 0.75, 1))
    assert contour.layout.yaxis.ticktext == ("0.9", "0.99", "0.999")
    surface = np.array(contour.data[0].z)
    best = np.nanmin(surface, axis=0)
    assert abs(np.nanargmin(best) / (len(best) - 1) - 0.5) < 0.1  # at 0.01
    with pytest.raises(ConfigError, match="no hyperparameter 'momentun'") as refused:
        study.plot.contour("learning_rate", "momentun")
    assert "momentum" in refused.value.way_out


def test_rungs_count_the_trials_of_the_store(study: caviar.OpenStudy):
    figure, rows = study.plot.rungs(), study.trials()
    bars = {trace.name: trace.x for trace in figure.data}
    assert sum(numbers[0] for numbers in bars.values()) == (rows.epochs >= 1).sum()
    assert bars["stopped"][0] == ((rows.state == "stopped") & (rows.epochs < 3)).sum()


def test_studies_are_compared_across_stores_and_by_name(study: caviar.OpenStudy, tmp_path: Path):
    with played(str(tmp_path / "other.db"), "other", 5) as other:
        figure = study.plot.compare(other)
        assert {trace.name for trace in figure.data} == {"play", "other"}
        mine = next(trace for trace in figure.data if trace.name == "other")
        assert mine.y[-1] == pytest.approx(other.trials().score.min())
    assert {trace.name for trace in study.plot.compare("play").data} == {"play"}
    with pytest.raises(ConfigError, match="compared with other studies, got 7"):
        study.plot.compare(7)


def test_a_notebook_shows_a_study_with_its_texts_escaped(study: caviar.OpenStudy):
    page = study._repr_html_()
    tags = Tags(page)
    assert tags.open == []
    assert set(tags.seen) <= {"div", "strong", "table", "tr", "td", "svg", "g", "circle", "polyline", "text"}
    assert f"trial {study.best.number}" in page
    assert "60: " in page
    assert len(page) < 40_000


def test_a_study_in_memory_draws_itself_and_lists_its_trials_after_it_is_gone():
    def train(trial):
        trial.report(1, score=trial.config["x"])
        return trial.config["x"]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaviarWarning)
        space = caviar.Space(x=caviar.Linear(0, 1))
        study = caviar.tune(train, space, trials=6, store=None, goal="maximize", processes=1, progress=False)
    rows = study.trials()
    assert isinstance(rows, pd.DataFrame)
    assert len(rows) == 6
    assert "best so far" in [trace.name for trace in study.plot.history().data]
    assert f"trial {study.best.number}" in study._repr_html_()
    assert "history()" in repr(study.plot)


def test_a_study_whose_store_is_gone_has_no_page_and_figures_say_why(tmp_path: Path):
    path = tmp_path / "c.db"
    study = played(str(path), n=2)
    study.close()
    path.unlink()
    assert study._repr_html_() is None
    with pytest.raises(caviar.StoreError):
        study.plot.history()


def test_a_study_without_trials_has_all_pictures(tmp_path: Path):
    with played(str(tmp_path / "c.db"), n=0) as study:
        for picture in figures.PICTURES:
            drawn(study, picture)
        assert "none yet" in study._repr_html_()


def test_a_notebook_shows_a_run(tmp_path: Path):
    with babysit.run("net", {"learning_rate": 0.1, "name": HOSTILE}, store=str(tmp_path / "c.db")) as run:
        assert run._repr_html_() is not None
        for step in range(30):
            run.log(loss=1 / (step + 1))
    page = run._repr_html_()
    assert "run net" in page
    assert Tags(page).open == []
    assert "<img" not in page
    assert re.search(r"finished, .*30 steps", page)
