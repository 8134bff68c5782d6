"""A column that gives the target away is found in any dress, and no feature of a real table is taken for one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata
from sklearn.metrics import balanced_accuracy_score, r2_score

from caviar.data import samples
from caviar.data.dataset import prepare
from caviar.data.leaks import GIVEN_AWAY, column_scores, leaks
from caviar.data.read import read
from caviar.records import Reading

RNG = np.random.default_rng(0)
M = 600
Y = RNG.choice(["down", "up", "wait"], M, p=[0.2, 0.7, 0.1])
PLACE = pd.Series(Y).map({"down": 0, "up": 1, "wait": 2}).to_numpy()
Z = RNG.lognormal(size=M)


def scores(columns: dict, target: object, regression: bool = False) -> dict[str, float]:
    frame = pd.DataFrame(columns)
    return column_scores(frame, list(frame.columns), pd.Series(target), np.arange(len(frame)), regression, 0)


GIVEN = {
    "a code": PLACE,
    "text": pd.Series(Y).map({"down": "D", "up": "U", "wait": "W"}),
    "many texts, each of one class": [f"{y[0]}{i % 40}" for i, y in enumerate(Y)],
    "ranges": PLACE + RNG.random(M),
    "crooked ranges": np.where(PLACE == 1, RNG.random(M), 5 - 3 * PLACE + RNG.random(M)),
    "a gap for one class": np.where(PLACE == 2, np.nan, PLACE + RNG.random(M)),
    "with one error in a hundred": np.where(RNG.random(M) < 0.005, 0, PLACE),
    "row numbers of a sorted table": np.argsort(np.argsort(PLACE + RNG.random(M) / 2)) * 1000,
}
NOT_GIVEN = {
    "noise": RNG.normal(size=M),
    "one value": np.ones(M),
    "nothing": np.full(M, np.nan),
    "text of its own": [f"t{i}" for i in range(M)],
    "half of it": PLACE + RNG.normal(size=M),
    "one class against the rest": PLACE == 1,
}


@pytest.mark.parametrize("kind", GIVEN)
def test_what_gives_a_class_away(kind: str) -> None:
    assert scores({"c": GIVEN[kind]}, Y)["c"] > GIVEN_AWAY


@pytest.mark.parametrize("sorted_by_class", [True, False])
@pytest.mark.parametrize("kind", NOT_GIVEN)
def test_what_does_not(kind: str, sorted_by_class: bool) -> None:
    order = np.argsort(PLACE, kind="stable") if sorted_by_class and kind in ("one value", "nothing") else np.arange(M)
    assert scores({"c": np.asarray(NOT_GIVEN[kind])[order]}, Y[order])["c"] < 0.8


@pytest.mark.parametrize(
    ("values", "given"),
    [
        (Z * 2.54, True),
        (np.log(Z), True),
        (-Z, True),
        (np.abs(Z - 1) * np.sign(Z - 1), True),
        ((10 * rankdata(Z) / M).astype(int), True),
        ([f"band {int(20 * r / M)}" for r in rankdata(Z)], True),
        (Z * RNG.normal(1, 0.02, M), True),
        (Z * RNG.lognormal(0, 0.5, M), False),
        (RNG.normal(size=M), False),
        (Z > 1, False),
    ],
)
def test_what_gives_a_number_away(values: object, given: bool) -> None:
    assert (scores({"c": values}, Z, regression=True)["c"] > GIVEN_AWAY) == given


def test_scores_are_those_of_scikit_learn_for_the_same_rule() -> None:
    """The rule written out, on values without ties, held to scikit-learn's metrics."""
    v = RNG.normal(size=M)
    order = np.argsort(v)
    gaps = np.diff(v[order], prepend=-np.inf, append=np.inf)
    nearest = np.where(gaps[:-1] <= gaps[1:], np.arange(M) - 1, np.arange(M) + 1)
    expected = balanced_accuracy_score(Y[order], Y[order][nearest])
    assert scores({"c": v}, Y)["c"] == pytest.approx(expected)
    ranks = rankdata(Z)[order]
    means = [np.mean(np.delete(ranks[max(i - 4, 0) : i + 5], min(i, 4))) for i in range(M)]
    assert scores({"c": v}, Z, regression=True)["c"] == pytest.approx(r2_score(ranks, means))


def test_columns_do_not_know_each_other_and_many_are_looked_at_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {f"c{i}": RNG.normal(size=M) for i in range(7)} | {"text": Y, "code": PLACE}
    whole = scores(columns, Y)
    assert whole["code"] == whole["text"] == 1.0
    monkeypatch.setattr("caviar.data.leaks._CELLS", 3 * M)
    assert scores(columns, Y) == whole
    assert all(scores({name: values}, Y)[name] == whole[name] for name, values in columns.items())


def test_no_real_feature_is_taken_for_a_leak() -> None:
    for sample in (samples.iris(), samples.wine(), samples.breast_cancer(), samples.digits(), samples.diabetes()):
        found = prepare(sample, seed=0).warnings
        assert not any("alone give" in note for note in found)


def test_few_rows_and_one_class_say_nothing() -> None:
    assert scores({"c": PLACE[:19]}, Y[:19]) == {}
    assert scores({"c": PLACE}, ["a"] * M) == {}
    assert leaks(pd.DataFrame(index=range(M)), [], pd.Series(Y), np.arange(M), False, 0) == ()


def test_the_note_names_the_column_the_score_and_the_way_out_and_the_column_stays() -> None:
    frame = pd.DataFrame({"a": RNG.normal(size=M), "code": PLACE, "y": Y})
    dataset = prepare(read(frame, "y"), seed=0)
    said = [note for note in dataset.warnings if "alone" in note]
    assert said == [
        "'code' (balanced accuracy 1.000) alone gives 'y' away; if it is not known when predicting, leave it out: "
        '`ignore=["code"]`'
    ]
    assert "code" in dataset.preprocessing.numbers


def test_the_time_by_which_the_past_predicts_the_future_is_no_leak() -> None:
    frame = pd.DataFrame({"a": RNG.normal(size=M), "day": np.arange(M), "y": np.sqrt(np.arange(M) + 1.0)})

    def alone(reading: Reading) -> list[str]:
        notes = prepare(read(frame, "y", reading=reading), 0, reading=reading).warnings
        return [note for note in notes if "'day'" in note and "alone" in note]

    assert len(alone(Reading(keep=("day",)))) == 1
    assert alone(Reading(time="day")) == []


@pytest.mark.parametrize("regression", [False, True])
def test_copies_of_a_row_do_not_predict_it(regression: bool) -> None:
    rng = np.random.default_rng(1)
    noise, y = rng.normal(size=(200, 2)), rng.normal(size=200)
    once = pd.DataFrame({"a": noise[:, 0], "b": noise[:, 1], "y": y if regression else y > 0})
    leak = once.assign(leak=y + rng.normal(size=200) / 1000)

    def notes(frame: pd.DataFrame) -> list[str]:
        return [note for note in prepare(read(frame, target="y"), 0).warnings if "away" in note]

    assert notes(pd.concat([once] * 6, ignore_index=True)) == []
    [note] = notes(pd.concat([leak] * 6, ignore_index=True))
    assert note.startswith("'leak'")
