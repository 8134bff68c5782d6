"""Several targets: how they are read, what is refused, and how their rows are split."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.data.dataset import prepare
from caviar.data.digest import digest
from caviar.data.preprocessing import Preprocessing
from caviar.data.read import read
from caviar.data.several import ROWS_A_STRATUM, decode_several, strata
from caviar.errors import ConfigError, DataError
from caviar.label_sets import packed, unpacked
from caviar.records import Reading

TOPICS = ["sport", "politics", "science"]


def articles(m: int = 300, seed: int = 0) -> pd.DataFrame:
    """Two features, and three targets that depend on them: text, numbers and truth values."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=m), rng.normal(size=m)
    return pd.DataFrame(
        {
            "a": a,
            "sport": np.where(a + 0.5 * rng.normal(size=m) > 0, "yes", "no"),
            "b": b,
            "politics": (b + 0.3 * rng.normal(size=m) > 1).astype(int),
            "science": a * b > 0,
        }
    )


def test_the_labels_of_a_row_are_those_of_the_table(tmp_path):
    frame = articles()
    table = read(frame, TOPICS)
    assert list(table.frame.columns) == ["a", "b"]
    assert [(c.name, c.labels) for c in table.several] == [
        ("sport", ("no", "yes")),
        ("politics", (0, 1)),
        ("science", (False, True)),
    ]
    back = decode_several(unpacked(table.target, 3) == 1, table.several)
    pd.testing.assert_frame_equal(back.astype(object), frame[TOPICS].astype(object))
    assert not table.warnings
    frame.to_csv(tmp_path / "articles.csv", index=False)
    written = read(tmp_path / "articles.csv", tuple(TOPICS))
    np.testing.assert_array_equal(written.target, table.target)
    assert written.several[1].labels == (0, 1)  # as a column of whole numbers has them


def test_arrays_are_named_by_the_targets():
    frame = articles()
    y = np.stack([frame["sport"] == "yes", frame["politics"] == 1], axis=1).astype(int)
    table = read((frame[["a", "b"]].to_numpy(), y), ["sport", "politics"])
    np.testing.assert_array_equal(table.target, packed(y))
    for wrong in (y[:, 0], np.hstack([y, y])):
        with pytest.raises(DataError, match="there must be a column of labels for each of 2 targets, got shape"):
            read((frame[["a", "b"]].to_numpy(), wrong), ["sport", "politics"])
    with pytest.raises(DataError, match=r"name several targets: `target=\[...\]`"):
        read((frame[["a", "b"]].to_numpy(), y))


def test_one_name_in_a_list_is_one_target():
    assert read(articles(), ["sport"]).several == ()
    assert read(articles(), ["sport"]).target_name == "sport"


@pytest.mark.parametrize(
    ("labels", "second", "unclear"),
    [
        (["yes", "no"], "yes", False),
        (["ja", "nein"], "ja", False),
        (["Yes", "No"], "Yes", False),
        ([-1, 1], 1, False),
        ([1, 2], 2, True),
        (["malign", "benign"], "malign", True),
        (["on", "off"], "on", False),
        (["True", "False"], "True", False),
    ],
)
def test_the_second_label_is_the_one_that_says_yes_and_else_there_is_a_note(labels, second, unclear):
    frame = articles(40).assign(other=np.resize(np.array(labels, dtype=object), 40))
    table = read(frame, ["sport", "other"])
    assert table.several[1].second == second
    notes = [note for note in table.warnings if "the later label in order" in note]
    assert len(notes) == unclear
    assert all(f"order, {second!r} of 'other'; to have the other, write it as yes" in note for note in notes)


def spoilt(name: str, row: int, cell: object) -> pd.DataFrame:
    frame = articles().astype({name: object})
    frame.loc[row, name] = cell
    return frame


REFUSED = {
    "a missing label": (
        lambda: read(spoilt("politics", 6, None), TOPICS),
        "every row must have a label, but 1 of 300 rows have none in 'politics', the first is row 7",
    ),
    "a third label": (
        lambda: read(spoilt("sport", 9, "maybe"), TOPICS),
        "each of several targets must have two labels, but 'sport' has 3: 'maybe', 'no', 'yes' "
        "('maybe' is first in row 10)",
    ),
    "one label": (
        lambda: read(articles().assign(science=True), TOPICS),
        "each of several targets must have two labels, but every row of 'science' is True",
    ),
    "numbers with fractions": (
        lambda: read(articles().assign(science=np.resize([0.5, 1.5], 300)), TOPICS),
        "each of several targets must have two labels, but 'science' has numbers with fractions",
    ),
    "no such column": (
        lambda: read(articles(), ["sport", "politic"]),
        "each target must be a column, got 'politic'\ndid you mean 'politics'?",
    ),
    "the same twice": (
        lambda: read(articles(), ["sport", "sport"]),
        "each target must be named once, but 'sport' is there twice",
    ),
    "too many": (
        lambda: read(
            pd.DataFrame(np.arange(80 * 40).reshape(80, 40) % 2, columns=[f"y{k}" for k in range(40)]),
            [f"y{k}" for k in range(31)],
        ),
        "there can be 30 targets at most, got 31\ntune them in groups of up to 30",
    ),
    "a label that training did not have": (
        lambda: read(spoilt("sport", 3, "never").iloc[:9], TOPICS, like=read(articles(), TOPICS)),
        "in the test file table: every label must be one of the 2 classes seen in training, "
        "but row 4 of 'sport' is 'never'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_several_targets_is_refused(what: str):
    call, message = REFUSED[what]
    with pytest.raises(DataError) as no:
        call()
    assert str(no.value).startswith(message)
    assert len(str(no.value).splitlines()) == 2


def test_rows_without_a_label_may_be_left_out():
    frame = articles().astype({"science": object})
    frame.loc[3, "sport"] = None
    frame.loc[7, "science"] = None
    table = read(frame, TOPICS, reading=Reading(skip_unlabelled=True))
    assert len(table.frame) == 298
    assert any("2 rows have no label" in note and "the first is row 4" in note for note in table.warnings)
    np.testing.assert_array_equal(table.target, read(articles().drop(index=[3, 7]), TOPICS).target)


def test_the_task_of_several_targets_is_no_regression():
    table = read(articles(), TOPICS)
    assert prepare(table, 0).facts["task"] == prepare(table, 0, task="classification").facts["task"] == "multilabel"
    with pytest.raises(ConfigError, match="several targets have two labels each, and no numbers to estimate"):
        prepare(table, 0, task="regression")


def test_a_dataset_of_several_targets():
    frame = articles()
    dataset = prepare(read(frame, TOPICS), 0)
    assert dataset.facts["targets"] == TOPICS
    assert dataset.facts["classes"] is None
    assert [len(dataset.train), len(dataset.validation), dataset.test.rows] == [180, 60, 60]
    assert dataset.train.targets == dataset.validation.targets == dataset.train_and_validation().targets == 3
    learned = dataset.preprocessing
    assert learned.n_out == 3
    assert learned.classes == ()
    assert Preprocessing.from_dict(learned.to_dict()).targets == learned.targets
    again = read(frame.assign(sport=frame["sport"].map({"yes": "no", "no": "yes"})), TOPICS)
    assert digest(again) != digest(read(frame, TOPICS))
    other = read(frame.assign(sport=frame["sport"].map({"yes": "oui", "no": "non"})), TOPICS)
    assert digest(other) != digest(read(frame, TOPICS))  # the same label sets of other labels


@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.integers(2, 12))
@settings(max_examples=40)
def test_strata_have_rows_for_every_part_and_frequent_sets_are_strata(seed, m, targets):
    random = np.random.default_rng(seed)
    y = packed(random.random((m, targets)) < random.uniform(0, 1, targets))
    found = strata(y, targets)
    counts = np.bincount(found)
    assert counts.min() >= min(ROWS_A_STRATUM, np.unique(y, return_counts=True)[1].sum() if m < ROWS_A_STRATUM else 1)
    sets, rows = np.unique(y, return_counts=True)
    for frequent in sets[rows >= ROWS_A_STRATUM]:
        assert len(np.unique(found[y == frequent])) == 1
        assert (y[found == found[y == frequent][0]] == frequent).all()
    rare = np.isin(y, sets[rows < ROWS_A_STRATUM])
    if rare.sum() >= ROWS_A_STRATUM:
        assert np.unique(found[rare], return_counts=True)[1].min() >= ROWS_A_STRATUM


@pytest.mark.parametrize("targets", [3, 14])
def test_every_part_has_its_share_of_every_label(targets: int):
    """With 14 targets nearly every row has a label set of its own: joined strata must do."""
    random = np.random.default_rng(1)
    bits = random.random((1500, targets)) < np.linspace(0.03, 0.5, targets)
    frame = pd.DataFrame(bits.astype(int), columns=[f"y{k}" for k in range(targets)]).assign(a=random.normal(size=1500))
    dataset = prepare(read(frame, [f"y{k}" for k in range(targets)]), 0)
    whole = bits.mean(axis=0)
    by_chance = np.sqrt(whole * (1 - whole) / 300)
    for part in (dataset.train, dataset.validation, dataset.test.open()):
        share = unpacked(part.y, targets).mean(axis=0)
        assert (np.abs(share - whole) < 2.5 * by_chance).all()
        assert abs(share[0] - whole[0]) < 0.5 * by_chance[0]  # the rarest label is what rows are joined by


def test_a_label_of_one_row_is_trained_on():
    frame = articles(60).assign(science=False)
    frame.loc[17, "science"] = True
    for seed in range(8):
        dataset = prepare(read(frame, TOPICS), seed)
        assert unpacked(dataset.train.y, 3)[:, 2].sum() == 1
    moved = [note for note in dataset.warnings if "True of the target 'science' is in 1 row" in note]
    assert len(moved) <= 1


def test_a_label_of_one_group_only_is_trained_on_or_refused():
    frame = articles(200).assign(science=False, who=np.arange(200) // 10)
    frame.loc[frame["who"] == 3, "science"] = True
    by_group = Reading(group="who")
    table = read(frame, TOPICS, reading=by_group)

    def trained_on(seed: int) -> bool:
        return bool(unpacked(prepare(table, seed, reading=by_group).train.y, 3)[:, 2].any())

    refused = 0
    for seed in range(8):
        try:
            assert trained_on(seed)
        except DataError:
            refused += 1
            with pytest.raises(
                DataError, match=r"True of the target 'science' is in 10 rows, none of which is\nadd rows"
            ):
                trained_on(seed)
    assert refused < 8


def test_a_column_that_gives_one_of_several_targets_away_is_noted():
    frame = articles().assign(edition=lambda f: np.where(f["sport"] == "yes", 7.5, 3.5))
    notes = [note for note in prepare(read(frame, TOPICS), 0).warnings if "away" in note]
    assert len(notes) == 1
    assert notes[0].startswith("'edition' (balanced accuracy 1.000) alone gives 'sport' away")


def test_a_label_that_only_the_future_has_is_refused():
    frame = articles(200).assign(when=pd.date_range("2024-01-01", periods=200), science=np.arange(200) > 150)
    in_time = Reading(time="when")
    table = read(frame, TOPICS, reading=in_time)
    with pytest.raises(DataError, match="both labels of every target must be among the training rows, but True of the"):
        prepare(table, 0, reading=in_time)
    frame["science"] = np.arange(200) % 3 == 0
    assert len(prepare(read(frame, TOPICS, reading=in_time), 0, reading=in_time).train) == 120
