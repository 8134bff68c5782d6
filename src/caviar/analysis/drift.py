"""Drift: are new rows as those were that a model was made from, and do its answers change?

The model's reference (learners/drift_reference.py) stands for the old rows. There are up to four families of tests:

    outputs   the outputs for new rows against those for the sealed rows: Kolmogorov and Smirnov's test, of each class
              by Bonferroni. First, for a shift that does not reach the outputs matters less
    columns   each column against training: its values, its missing cells, its relations to other columns
    labels    where new rows have them: the mix of labels, and the errors of the model. A label that it does not know
              is a change without a test; its rows are in neither
    rows      a network that tries to tell old rows from new ones, where the old rows are given and there are enough

Of f families each has an f-th of the level; within the columns Benjamini and Hochberg's procedure is used. A fifth of
the level is kept in reserve, for formulas that hold roughly: without it 62 of 1,200 pairs of benchmarks/retest_drift.py
were said to have changed, and none had. So where nothing has changed, at most 5 % of the reports say that something
has. What is significant and smaller than LEAST_EFFECT (drift_report.py) does not count as a change: in a million rows
everything differs a little.

Sources: Rabanser, Günnemann and Lipton, Failing loudly: an empirical study of methods for detecting dataset shift,
2019, for tests of the outputs; the files of the tests have their own.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.analysis import drift_notes
from caviar.analysis.drift_report import LEVEL, Change, ClassShare, Drift, LayerShift, NewLabel, Score
from caviar.analysis.label_shift import Mix, mix_of_classes
from caviar.analysis.old_from_new import FEWEST, old_from_new
from caviar.analysis.two_samples import Found, adjusted, chi_squared, ks, ks_detectable
from caviar.arguments import checked
from caviar.data.column_inputs import column_inputs
from caviar.data.column_sketches import ColumnSketches, numbers_of, sketch_columns, texts_of
from caviar.data.columns import Floats, shown
from caviar.data.preprocessing import Preprocessing
from caviar.data.relations import Relations, relations
from caviar.errors import DataError, ModelError, did_you_mean
from caviar.learners import model as models
from caviar.learners.drift_reference import Layer, Outputs, Reference, layers_of
from caviar.learners.known_labels import labels_of, new_labels, rows_with_label
from caviar.randomness import Purpose, generator, stream_key
from caviar.ranges import check_ranges

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

RESERVE = 1.25
"""The factor of all probabilities that keeps a fifth of the level in reserve."""

FEWEST_ROWS = 30
"""New rows, below which nothing is said."""

_MOST_ROWS = 200_000  # that are looked at
_FEWEST_RELATED = 200  # rows on each side, for the error of a correlation
_ROWS_OF_LAYERS = 2_000


@checked
def drift(
    model: str | os.PathLike[str] | models.Model,
    data: Any,
    *,
    labels: bool | None = None,
    old: Any = None,
    ignore: Sequence[str] = (),
    seed: int = 0,
) -> Drift:
    """Compare new rows with those that a model was made from.

    model: a Model or the path of one. data: new rows, as ``Model.predict`` takes them. labels: True where the rows have
    the target's column, which must be there then; False where it is not to be looked at; None uses it if it is there.
    old: the old rows, which the model has not kept, for the test that tells old rows from new ones. ignore: columns to
    leave out. seed: of the tests that draw.

    Raises ModelError for a model that keeps no reference, where there are no ``old`` rows; DataError for rows that
    cannot be read or are too few, and for numbers as labels where the model knows classes.
    """
    check_ranges({"seed": seed})
    network = model if isinstance(model, models.Model) else models.load(model)
    new = _Rows(network, data, "data", seed)
    learned, reference = new.learned, network.reference
    former = None if old is None else _Rows(network, old, "old", seed)
    if reference is None and former is None and learned.targets:
        raise ModelError(
            "a model of several targets keeps no sketch of its training data", "give the rows of training: `old=FILE`"
        )
    if reference is None and former is None:
        raise ModelError(
            "this model keeps no sketch of its training data: it was saved by an earlier version of caviar",
            "give the rows of training: `old=FILE`; or tune again",
        )
    names = [name for name in learned.columns if name not in ignore]
    for name in ignore:
        if name not in learned.columns:
            raise DataError(f"there is no column {shown(name)} in the model", did_you_mean(str(name), learned.columns))
    known = reference.columns if reference is not None else sketch_columns(_frame(former), learned)
    stream = generator(stream_key(seed, Purpose.DRIFT))
    report = Drift(
        rows=len(new.frame),
        old_rows=known.rows,
        outputs=None if reference is None else outputs_change(reference.outputs, new.said, learned, stream),
        columns=tuple(column_changes(known, new.frame, learned, set(names), stream)),
        notes=drift_notes.joined(new.notes, drift_notes.on_columns(known, new.frame, learned, set(names))),
    )
    if reference is not None:
        report = _with_labels(report, reference, new, labels, stream)
        report = replace(report, layers=tuple(layer_shifts(reference.layers, network, new.x, stream)))
    if former is not None:
        report = _with_rows(report, former, new, set(names), seed)
    report = _adjusted(report)
    detectable = ks_detectable(
        known.rows, len(new.frame), LEVEL / (RESERVE * _families(report)) / max(len(report.columns), 1)
    )
    report = replace(report, detectable=detectable)
    return replace(report, unknown=drift_notes.all_unknown(report, reference, old is not None))


class _Rows:
    """Rows as a model reads them: ``frame`` (drawn from many), inputs ``x``, outputs ``said``, and notes."""

    def __init__(self, network: models.Model, data: Any, argument: str, seed: int) -> None:
        if network.preprocessing is None:
            raise ModelError(
                "this model takes numbers as they are, and knows nothing of the columns that it learned from",
                "train it by caviar tune or caviar babysit",
            )
        self.learned: Preprocessing = network.preprocessing
        frame, notes = network.frame(data)
        if len(frame) < FEWEST_ROWS:
            raise DataError(
                f"drift needs at least {FEWEST_ROWS} rows, and `{argument}` has {len(frame)}: chance alone explains "
                "nearly any difference of so few",
                "gather more of them",
            )
        if len(frame) > _MOST_ROWS:
            rows = generator(stream_key(seed, Purpose.SKETCHES)).permutation(len(frame))[:_MOST_ROWS]
            notes = (*notes, f"{_MOST_ROWS:,} of {len(frame):,} rows were compared, drawn at random")
            try:
                drawn = frame.iloc[np.sort(rows)].reset_index(drop=True)
                self.x, met = network.inputs(drawn, slice(0, len(drawn)))
            except DataError:
                self.learned.apply(frame)  # says the same with the row of the file
                raise
            frame = drawn
        else:
            self.x, met = network.inputs(frame, slice(0, len(frame)))
        self.frame = frame
        self.said = network.outputs(self.x)
        self.notes = (*notes, *drift_notes.on_cells(met))


def _frame(rows: _Rows | None) -> pd.DataFrame:
    assert rows is not None
    return rows.frame


def outputs_change(known: Outputs, said: Floats, learned: Preprocessing, stream: np.random.Generator) -> Change | None:
    """The test of the outputs ``said`` (m, n_out) for new rows: of the class that changed most, by Bonferroni."""
    places = known.classes if len(known.classes) != 2 else known.classes[1:]  # of two classes one says all
    chosen = list(zip(known.classes or (0,), known.sketches, strict=True))
    found = [(place, ks(sketch, said[:, place], stream)) for place, sketch in chosen if not places or place in places]
    tested = [(place, one) for place, one in found if one is not None]
    if not tested:
        return None
    place, one = min(tested, key=lambda pair: (pair[1].p, -pair[1].effect))
    name = str(learned.classes[place]) if learned.classes else learned.target
    return Change(name, "outputs", one.statistic, one.effect, min(1.0, one.p * len(tested)))


def column_changes(
    known: ColumnSketches, frame: pd.DataFrame, learned: Preprocessing, names: set[str], stream: np.random.Generator
) -> Iterator[Change]:
    """The tests of the columns ``names`` of the new rows in ``frame``, not adjusted."""
    present = [name for name in known.numbers if name in names]
    x = numbers_of(frame, learned, present)
    for j, name in enumerate(present):
        sketch = known.numbers[name]
        yield from _change(name, "values", ks(sketch, x[:, j], stream))
        yield from _missing(name, sketch.present, sketch.missing, int(np.isnan(x[:, j]).sum()), len(x), stream)
    for name, now in texts_of(frame, learned).items():
        if name in names and name in known.texts:
            then = known.texts[name]
            yield from _change(
                name, "values", chi_squared((*then.counts, then.others), (*now.counts, now.others), stream)
            )
            yield from _missing(name, then.present, then.missing, now.missing, now.rows, stream)
    if known.relations is not None:
        yield from _relations(known.relations, known, frame, learned, names)


def _change(name: str, test: str, found: Found | None) -> Iterator[Change]:
    if found is not None:
        yield Change(name, test, *found)


def _missing(
    name: str, present: int, missing: int, now: int, rows: int, stream: np.random.Generator
) -> Iterator[Change]:
    """The test of a column's missing cells; the effect is the difference of the shares."""
    found = chi_squared((present, missing), (rows - now, now), stream)
    if found is not None:
        difference = abs(missing / max(present + missing, 1) - now / rows)
        yield Change(name, "missing", found.statistic, difference, found.p)


def _relations(
    then: Relations, known: ColumnSketches, frame: pd.DataFrame, learned: Preprocessing, names: set[str]
) -> Iterator[Change]:
    """The tests of the rank correlations of each column with the others: the largest change, by Bonferroni."""
    from scipy.stats import norm

    if min(then.rows, len(frame)) < _FEWEST_RELATED:
        return
    now = relations(known.numbers, then.columns, numbers_of(frame, learned, list(then.columns)))
    used = np.array([name in names for name in then.columns])
    error = np.sqrt(then.tau2 / then.rows + now.tau2 / now.rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.abs(now.rho - then.rho) / error
    z[~np.isfinite(z)] = np.nan
    np.fill_diagonal(z, np.nan)
    z[:, ~used] = np.nan
    for j, name in enumerate(then.columns):
        pairs = int(np.isfinite(z[j]).sum())
        if used[j] and pairs:
            largest = int(np.nanargmax(z[j]))
            p = min(1.0, pairs * 2 * float(norm.sf(z[j, largest])))
            effect = min(float(abs(now.rho[j, largest] - then.rho[j, largest])) / 2, 1.0)
            yield Change(name, "relations", float(z[j, largest]), effect, p)


def layer_shifts(
    then: Sequence[Layer], network: models.Model, x: npt.NDArray[Any], stream: np.random.Generator
) -> Iterator[LayerShift]:
    """The shift of each hidden layer over some of the new rows ``x``."""
    drawn = x[stream.permutation(len(x))[:_ROWS_OF_LAYERS]]
    now = layers_of(network.network, drawn)
    for number, (a, b) in enumerate(zip(then, now, strict=False), start=1):
        moving = a.deviation > 1e-6 * (1 + np.abs(a.mean))
        if not moving.any() or len(a.mean) != len(b.mean):
            continue
        shift = np.abs(b.mean - a.mean)[moving] / a.deviation[moving]
        spread = float(np.median(b.deviation[moving] / a.deviation[moving]))
        chance = math.sqrt(2 / math.pi * (1 / a.rows + 1 / b.rows))
        yield LayerShift(number, float(shift.mean()), float(shift.max()), spread, chance)


def _with_labels(
    report: Drift, reference: Reference, new: _Rows, wanted: bool | None, stream: np.random.Generator
) -> Drift:
    """The report with the tests of labels, where there are any, and else with the mix of classes estimated."""
    learned = new.learned
    has = np.zeros(len(new.frame), dtype=bool) if wanted is False else rows_with_label(learned, new.frame)
    if wanted and not has.any():
        raise DataError(
            f"no row has a label: there is no column {shown(learned.target)} with values"
            if learned.target
            else "the labels of new rows cannot be found: training had no name for their column",
            "add the column, or leave out `labels`",
        )
    if has.any() and learned.classes:
        has, strange = new_labels(learned, new.frame, has)
        report = replace(report, new_labels=tuple(NewLabel(*one) for one in strange))
    mix = _mix(reference, new, stream) if not report.new_labels else "rows have labels that the model does not know"
    report = replace(report, classes=tuple(_classes(reference, new, mix)))
    if isinstance(mix, str) and report.classes:
        report = replace(report, unknown=(f"a new mix of classes cannot be estimated: {mix}",))
    if int(has.sum()) < FEWEST_ROWS:
        which = "a label that the model knows" if report.new_labels else "a label"
        few = f"only {has.sum()} rows have {which}: nothing is said of the mix and the errors" if has.any() else ""
        return replace(report, notes=(*report.notes, few)) if few else report
    try:
        y = labels_of(learned, new.frame, has)
    except DataError as error:
        if wanted:
            raise
        return replace(report, notes=(*report.notes, f"the labels were not compared: {error.rule}"))
    tests, score = _label_tests(reference, learned, new.said[has], y, stream)
    return replace(report, labels=tuple(tests), score=score)


def _label_tests(
    reference: Reference, learned: Preprocessing, said: Floats, y: npt.NDArray[Any], stream: np.random.Generator
) -> tuple[list[Change], Score | None]:
    """The tests of labels ``y`` (m,) and of the errors of outputs ``said`` (m, n_out), and the score."""
    if learned.regression:
        assert not isinstance(reference.labels, tuple)
        wanted = learned.decode(y)
        errors = np.abs(learned.decode(said[:, 0]) - wanted)
        tests = [*_change(learned.target, "labels", ks(reference.labels, wanted, stream))]
        if reference.errors is None:
            return tests, None
        tests += _change(learned.target, "errors", ks(reference.errors, errors, stream))
        then = reference.errors.quantile(0.5)
        return tests, Score("median absolute error", then, float(np.median(errors)), len(y))
    assert isinstance(reference.labels, tuple)
    counts = np.bincount(y.astype(np.int64), minlength=len(reference.labels))
    tests = [*_change(learned.target, "labels", chi_squared(reference.labels, counts.tolist(), stream))]
    rows, right = reference.outputs.rows, int((said.argmax(axis=1) == y).sum())
    if reference.right is None or not rows:
        return tests, None
    found = chi_squared((reference.right, rows - reference.right), (right, len(y) - right), stream)
    then, now = reference.right / rows, right / len(y)
    if found is not None:
        tests.append(Change(learned.target, "errors", found.statistic, abs(then - now), found.p))
    return tests, Score("accuracy", then, now, len(y))


def _mix(reference: Reference, new: _Rows, stream: np.random.Generator) -> Mix | str:
    """The mix of classes of the new rows, or why it cannot be estimated."""
    if reference.confusion is None:
        return "the model has too many classes to keep which is taken for which"
    predicted = np.bincount(new.said.argmax(axis=1), minlength=len(reference.confusion))
    return mix_of_classes(reference.confusion, predicted, stream)


def _classes(reference: Reference, new: _Rows, mix: Mix | str) -> Iterator[ClassShare]:
    """The shares of the classes, with those of the ``mix`` where there is one."""
    learned, outputs = new.learned, reference.outputs
    if learned.regression or not outputs.rows or not isinstance(reference.labels, tuple):
        return
    now = np.bincount(new.said.argmax(axis=1), minlength=len(learned.classes))
    trained = np.array(reference.labels) / max(sum(reference.labels), 1)
    for k in outputs.classes:
        estimate = (float(mix.now[k]), float(mix.low[k]), float(mix.high[k])) if isinstance(mix, Mix) else ()
        shares = float(trained[k]), outputs.predicted[k] / outputs.rows, float(now[k] / now.sum())
        yield ClassShare(learned.classes[k], *shares, *estimate)


def _with_rows(report: Drift, former: _Rows, new: _Rows, names: set[str], seed: int) -> Drift:
    """The report with the test that tells old rows from new ones; a note where there are too few."""
    fewest = min(len(former.frame), len(new.frame))
    if fewest < FEWEST:
        note = (
            f"no network tried to tell old rows from new ones: it needs {FEWEST:,} of each, and one side has {fewest:,}"
        )
        return replace(report, notes=(*report.notes, note))
    columns = [one for one in column_inputs(new.learned) if one.kind != "date" and one.name in names]
    if not columns:
        return report
    used = np.concatenate([one.inputs for one in columns])
    starts = np.cumsum([0, *(len(one.inputs) for one in columns)])
    apart = [
        replace(one, inputs=np.arange(start, start + len(one.inputs)))
        for one, start in zip(columns, starts[:-1], strict=True)
    ]
    found = old_from_new(former.x[:, used], new.x[:, used], apart, seed)
    change = Change("all columns", "rows", found.auc, max(2 * found.auc - 1, 0.0), found.p)
    return replace(report, two_sample=found, together=change)


def _families(report: Drift) -> int:
    """Families of tests that the report has."""
    return max(sum(map(bool, (report.outputs, report.columns, report.labels, report.together))), 1)


def _adjusted(report: Drift) -> Drift:
    """The report with each test's ``p_adjusted``, the columns by it."""
    families = _families(report)

    def with_p(change: Change, p: float) -> Change:
        return replace(change, p_adjusted=min(1.0, RESERVE * families * float(p)))

    columns = [with_p(one, p) for one, p in zip(report.columns, adjusted([c.p for c in report.columns]), strict=True)]
    return replace(
        report,
        outputs=None if report.outputs is None else with_p(report.outputs, report.outputs.p),
        together=None if report.together is None else with_p(report.together, report.together.p),
        labels=tuple(with_p(one, one.p * len(report.labels)) for one in report.labels),
        columns=tuple(sorted(columns, key=lambda one: (not one.changed, one.p_adjusted, -one.effect))),
    )
