"""The numbers of texts: sums row by row in plain Python, variances from simulated texts, and the law of no leak."""

from __future__ import annotations

import numpy as np
import pytest

from caviar.errors import ConfigError
from caviar.nn import encoding, text_statistics
from caviar.nn.architecture import Architecture
from caviar.nn.encoding import encode, learn
from caviar.nn.text_statistics import FEWEST_CLASSES, MOST_CLASSES, TextTable, codes_of, learn_table, of_training
from caviar.randomness import Purpose, generator, stream_key


def places(codes: np.ndarray, count: int) -> np.ndarray:
    """As text_columns.py writes them."""
    return (1 - 2 * codes / (count - 1)).astype(np.float32)


def texts_of(rows: int, count: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes, their places, and a target that the text says something of."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, count, rows)
    means = rng.normal(size=count)
    y = means[codes] + rng.normal(size=rows)
    target = y.astype(np.float32) if classes == 1 else np.digitize(y, np.quantile(y, np.arange(1, classes) / classes))
    return codes, places(codes, count), target if classes == 1 else target.astype(np.int32)


@pytest.mark.parametrize("count", [2, 3, 101, 60_001])
def test_a_place_in_float32_is_a_code(count: int):
    codes = np.arange(count)
    assert (codes_of(places(codes, count), count) == codes).all()


@pytest.mark.parametrize(("classes", "width"), [(1, 1), (2, 1), (3, 3), (11, 11), (30, 30)])
def test_as_row_by_row(classes: int, width: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(text_statistics, "_rows_to_count", lambda *_: 4.0)
    codes, _, y = texts_of(500, 60, classes)
    table = learn_table(3, 61, places(codes, 61), y)  # a text that no row has
    each = np.stack([y] if classes == 1 else [y == c for c in (range(classes) if classes > 2 else [1])], axis=1)
    t = (each - each.mean(axis=0)) / each.std(axis=0)
    found = table.look_up(places(np.arange(61), 61))
    assert found.shape == (61, 1 + width)
    training = of_training(table, places(codes, 61), y)
    log = np.log1p([max((codes == code).sum(), 1) for code in range(61)])
    np.testing.assert_allclose(found[:, 0], (log - log[codes].mean()) / log[codes].std(), rtol=1e-5)
    np.testing.assert_array_equal(training[:, 0], found[codes, 0])
    if not width:
        return
    for code in range(61):
        own = t[codes == code]
        np.testing.assert_allclose(found[code, 1:], own.sum(axis=0) / (len(own) + 4), atol=1e-5)
    sums, counts = np.zeros((61, width)), np.zeros(61)
    for row in generator(stream_key(0, Purpose.TEXTS, 3)).permutation(500):  # the rows before it, and no other
        code = codes[row]
        np.testing.assert_allclose(training[row, 1:], sums[code] / (counts[code] + 4), atol=1e-5)
        sums[code] += t[row]
        counts[code] += 1


@pytest.mark.parametrize("spread", [0.2, 1.0, 3.0])
def test_a_text_counts_by_the_variances(spread: float):
    rng = np.random.default_rng(1)
    sizes = rng.integers(2, 40, 3000)
    codes = np.repeat(np.arange(3000), sizes)
    y = (spread * rng.normal(size=3000)[codes] + rng.normal(size=len(codes))).astype(np.float32)
    table = learn_table(0, 3000, places(codes, 3000), y)
    t = (y - y.mean()) / y.std()
    means = table.look_up(places(np.arange(3000), 3000))[:, 1]
    ratio = np.bincount(codes, t) / means - sizes  # a, of each text
    assert np.median(ratio) == pytest.approx(1 / spread**2, rel=0.12)


def share_explained(values: np.ndarray, y: np.ndarray, codes: np.ndarray | None = None) -> float:
    """Of the target by the values in a line; of what is left of both within each text where ``codes`` are given."""
    pair = [values - values.mean(), y - y.mean()]
    if codes is not None:
        n = np.bincount(codes)[codes]
        pair = [v - np.bincount(codes, v)[codes] / n for v in pair]
    return float((pair[0] @ pair[1]) ** 2 / ((pair[0] @ pair[0]) * (pair[1] @ pair[1])))


@pytest.mark.parametrize("classes", [1, 2])
def test_a_training_row_never_has_its_own_target(classes: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(text_statistics, "_rows_to_count", lambda *_: 2.0)  # as if the texts said something
    rng = np.random.default_rng(2)
    codes, part = np.repeat(np.arange(200), 20), np.tile(np.arange(20) % 5, 200)
    y = rng.normal(size=4000).astype(np.float32) if classes == 1 else rng.integers(0, 2, 4000).astype(np.int32)
    x = places(codes, 200)
    table = learn_table(0, 200, x, y)
    own = of_training(table, x, y)[:, 1].astype(float)
    naive = table.look_up(x)[:, 1].astype(float)
    t = (y - y.mean()) / y.std()
    others = (np.bincount(codes, t)[codes] - t) / 21  # leave one out
    other_parts = (np.bincount(codes, t)[codes] - np.bincount(codes * 5 + part, t)[codes * 5 + part]) / 18
    assert share_explained(naive, t) > 0.04
    assert share_explained(own, t) < 0.002  # chance: 1 / 4000
    assert share_explained(others, t, codes) > 0.99, "within a text, leave one out is the target itself"
    assert share_explained(other_parts, t, codes) > 0.15, "and out of fold half of a fold's mean"
    assert share_explained(own, t, codes) < 0.05


def test_texts_that_say_nothing_have_numbers_near_0():
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 500, 4000)
    table = learn_table(0, 500, places(codes, 500), rng.normal(size=4000).astype(np.float32))
    assert np.abs(table.look_up(places(codes, 500))[:, 1]).max() < 0.2


@pytest.mark.parametrize("several", [False, True])
def test_of_too_many_classes_the_most_frequent_have_a_number(several: bool):
    rng = np.random.default_rng(5)
    y = np.concatenate([np.arange(130), rng.permutation(130)[:40].repeat(20)]).astype(np.int32)
    codes = rng.integers(0, 30, len(y))
    frequent = np.flatnonzero(np.bincount(y) > 1)
    target = (y[:, None] == np.arange(130)).astype(np.uint8) if several else y
    for most in (40, 10, 3):  # never fewer than ten
        table = learn_table(0, 30, places(codes, 30), target, most)
        counted = frequent[: max(most, FEWEST_CLASSES)]
        few = np.concatenate(
            [learn_table(0, 30, places(codes, 30), y == one).look_up(places(codes, 30))[:, 1:] for one in counted],
            axis=1,
        )
        assert table.width == 1 + len(counted)
        found = table.look_up(places(codes, 30))[:, 1:]
        for at in range(len(counted)):
            assert np.corrcoef(found[:, at], few[:, at])[0, 1] > 0.999 or not few[:, at].any()
    assert learn_table(0, 30, places(codes, 30), target).width == 1 + MOST_CLASSES
    assert learn_table(0, 30_000, places(codes, 30_000), target).width == 1 + 2**19 // 30_000, "a table is not huge"


def test_one_row_one_text_and_one_class():
    y = np.zeros(6, dtype=np.int32)
    for codes in (np.zeros(6, dtype=int), np.arange(6)):
        table = learn_table(0, 6, places(codes, 6), y)
        assert (of_training(table, places(codes, 6), y) == 0).all()


@pytest.mark.parametrize("kind", ["standard", "robust", "quantile_bins", "tree_bins"])
def test_beside_numbers_and_back_from_the_record(kind: str):
    rng = np.random.default_rng(4)
    first, _, y = texts_of(300, 40, 3)
    second = rng.integers(0, 7, 300)
    x = np.column_stack([places(first, 40), rng.normal(size=(300, 2)), places(second, 7)]).astype(np.float32)
    learned = learn(kind, 4, x, y, ((0, 40), (3, 7)))
    numbers = learn(kind, 4, x[:, 1:3], y)
    out, training = encode(learned, x), encode(learned, x, encoding.texts_of(learned, x, y))
    assert out.shape == training.shape == (300, learned.width(4))
    np.testing.assert_array_equal(out[:, 4:-4], encode(numbers, x[:, 1:3]))
    np.testing.assert_array_equal(training[:, 4:-4], out[:, 4:-4])
    for at, codes, count, j in ((0, first, 40, 0), (out.shape[1] - 4, second, 7, 3)):
        table = learn_table(j, count, places(codes, count), y)
        np.testing.assert_array_equal(out[:, at : at + 4], table.look_up(x[:, j]))
        np.testing.assert_array_equal(training[:, at : at + 4], of_training(table, x[:, j], y))
    before = Architecture(4, 3, (5,), encoding=kind, learned=learned)
    assert Architecture.from_record(before.to_record()) == before
    assert before.inputs == learned.width(4)


@pytest.mark.parametrize(("width", "numbers"), [(0, ()), (2, (1.0, 2.0)), (2, (1.0, 2.0, 3.0))])
def test_a_table_that_cannot_be_is_refused(width: int, numbers: tuple[float, ...]):
    with pytest.raises(ConfigError, match="a table of texts must have"):
        TextTable(0, width, numbers)
