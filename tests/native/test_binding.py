"""The door to C++ under all that it is not made for: an exception that says why, or a right answer, never a crash."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from caviar.data.examples import Examples
from caviar.errors import CaviarError
from caviar.learners.contract import Keys, Outcome, never
from caviar.learners.dense import _native
from caviar.learners.dense.native import NativeEngine
from caviar.learners.dense.reference import ReferenceEngine
from caviar.nn.architecture import ACTIVATIONS, Architecture, Optimisation
from tests.native.absurd import CASES, CLEAR, SETTINGS, X, Y, everything, rows, says_why, train, trial

ROOT = Path(__file__).parents[2]
MUST_BE_REFUSED = set(CASES) - {"statistics without batch norm", "a column of many rows"}


def in_a_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize("case", CASES)
def test_the_nastiest_in_a_process_of_their_own(case: str):
    done = in_a_process("-m", "tests.native.absurd", case)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    assert done.stdout.startswith("refused" if case in MUST_BE_REFUSED else "answered")


@pytest.mark.parametrize("call", ["train", "evaluate", "statistics_of"])
def test_ctrl_c_ends_a_long_call(call: str):
    """Each would take hours; the interrupt comes back as KeyboardInterrupt from that call."""
    program = textwrap.dedent(f"""
        import numpy as np
        from tests.native.absurd import rows, train, trial
        of = trial(widths=[5, 256, 256, 3], exact_statistics={call == "statistics_of"})
        x, y = rows(2**10 if {call == "train"} else 2**22)
        print("ready", flush=True)
        try:
            while True:  # one call is long enough; again, in case that it is not
                if {call == "train"}:
                    train(of, x, y, epochs=2**14)
                elif {call == "evaluate"}:
                    of.evaluate(x, y, x, y)
                else:
                    of.statistics_of(x, y)
                print("again", flush=True)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """)
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)  # it is in the call by now
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert output == "interrupted\n"
    assert process.returncode == 0


ABSURD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.one_of(st.integers(-3, 40), st.integers(-(2**70), 2**70), st.floats(), st.none()), max_size=5),
    st.sampled_from([np.nan, -1, 0, 1, 2**31, [], [0, 3], [3], [5, -7, 3], [5] * 66, [5, 2**21, 3], "relu", b"", {}]),
)


@given(name=st.sampled_from(sorted(SETTINGS)), value=ABSURD)
@example(name="widths", value=[5, 1, 1])
@example(name="batch_size", value=1)
@example(name="dropout", value=float(np.nextafter(1, 0)))
@example(name="input_dropout", value=1e-300)
@example(name="epsilon", value=1e300)
@example(name="beta1", value=1.0)
def test_one_absurd_setting_is_refused_or_trains(name: str, value: object):
    try:
        of = trial(**{name: value})
    except CLEAR as error:
        says_why(error)
        return
    n, classes = SETTINGS["widths"][0], 2
    if name == "widths":
        n = value[0]  # type: ignore[index]
    if of.workspace_bytes > 2**27:
        return  # valid, and more than a test should ask the machine for
    x, y = rows(9, n, classes)
    try:
        everything(of, x, y.astype(np.float32) if name == "output" and value == 2 else y)
    except CLEAR as error:  # one label outside, say, where the output is another
        says_why(error)


@given(name=st.sampled_from(sorted(SETTINGS)))
def test_a_missing_setting_is_named(name: str):
    with pytest.raises(KeyError, match=name):
        _native.Trial({key: value for key, value in SETTINGS.items() if key != name}, "scalar")


def test_an_unknown_level_names_those_that_are_known():
    with pytest.raises(ValueError, match="no instruction set 'sse9'; it has scalar"):
        _native.Trial(SETTINGS, "sse9")


DTYPES = ["f4", "f8", "f2", "i1", "i4", "i8", "u1", "u4", "u8", "?", "c8", ">f4", ">i4", "U3", "O", "M8[s]"]


@st.composite
def arrays(draw: st.DrawFn, most: int = 12) -> np.ndarray:
    """Any kind, shape, stride and content."""
    shape = tuple(draw(st.lists(st.integers(0, most), max_size=3)))
    kind = draw(st.sampled_from(DTYPES))
    number = draw(st.sampled_from([0, 1, 2, -1, 7, 2**31, np.nan, np.inf, 3e38]))
    with np.errstate(all="ignore"):
        try:
            array = np.full(shape, number).astype(kind)
        except (ValueError, OverflowError):
            array = np.zeros(shape, dtype=kind)
    match draw(st.sampled_from(["plain", "reversed", "transposed", "every other", "fortran", "read-only"])):
        case "reversed":
            return array[::-1] if array.ndim else array
        case "transposed":
            return array.T
        case "every other":
            return array[..., ::2] if array.ndim else array
        case "fortran":
            return np.asfortranarray(array)
        case "read-only":
            array.flags.writeable = False
    return array


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    place=st.sampled_from(["x", "y", "xv", "yv", "learning_rates", "stop"]),
    array=arrays(),
    output=st.sampled_from([0, 1, 2]),
)
def test_any_array_in_any_place_of_train(place: str, array: np.ndarray, output: int):
    of = trial(output=output, widths=[5, 7, 3 if output == 0 else 1])
    x, y = rows(9, 5, 2)
    try:
        outcome, done = train(of, x, y.astype(np.float32) if output == 2 else y, **{place: array})
    except CLEAR as error:
        says_why(error)
    else:
        assert outcome in (0, 1, 2)
        assert len(done) <= max(1, len(array))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=200)
@given(first=arrays(), second=arrays(), call=st.sampled_from(["evaluate", "inside", "statistics_of"]), data=st.data())
def test_any_array_in_the_other_calls(first: np.ndarray, second: np.ndarray, call: str, data: st.DataObject):
    of = trial(exact_statistics=data.draw(st.booleans()))
    x, y = data.draw(st.sampled_from([(first, second), (X, second), (first, Y), (X[:0], Y[:0]), (X[:1], Y[:1])]))
    try:
        if call == "evaluate":
            of.evaluate(x, y, X, Y)
            of.evaluate(X, Y, x, y)
        elif call == "inside":
            of.inside(x, y, 0.1)
        else:
            of.statistics_of(x, y)
    except CLEAR as error:
        says_why(error)


@pytest.mark.parametrize(
    "lacks", [{"first_moment": False}, {"second_moment": False}, {"beta1": 0.0}, {"averaging": 0.9}]
)
def test_schedule_free_is_refused_without_what_it_needs(lacks: dict[str, object]):
    everything(trial(schedule_free=True), X, Y)
    with pytest.raises(ValueError, match="schedule_free has both moments"):
        trial(schedule_free=True, **lacks)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=200)
@given(data=st.data(), batch_norm=st.booleans(), momentum=st.booleans())
def test_a_wrong_state_changes_nothing(data: st.DataObject, batch_norm: bool, momentum: bool):
    of = trial(batch_norm=batch_norm, first_moment=momentum)
    train(of, X, Y)
    before, step = of.export(), of.step
    state: list[object] = list(before)
    place = data.draw(st.integers(0, len(state) - 1))
    match data.draw(st.sampled_from(["too few", "too many", "another shape", "no array", "swapped"])):
        case "too few":
            state = state[:place]
        case "too many":
            state.insert(place, state[place])
        case "another shape":
            state[place] = data.draw(arrays().filter(lambda array: array.shape != before[place].shape))
        case "no array":
            state[place] = data.draw(st.one_of(st.none(), st.text(max_size=2), st.integers(), st.just([1.0])))
        case "swapped":
            other = data.draw(st.integers(0, len(state) - 1))
            if before[place].shape == before[other].shape:
                return
            state[place], state[other] = state[other], state[place]
    with pytest.raises((TypeError, ValueError)):
        of.load(state, 3, 1, 0, 0.0, 3.0, 3.0)  # type: ignore[arg-type]
    if len(state) != (5 if batch_norm else 4):  # the parameters alone are a start
        with pytest.raises((TypeError, ValueError)):
            of.start(state)  # type: ignore[arg-type]
    assert of.step == step
    for own, kept in zip(of.export(), before, strict=True):
        np.testing.assert_array_equal(own, kept)


@given(shape=st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(2, 40)), batch_norm=st.booleans())
def test_a_state_goes_there_and_back(shape: tuple[int, int, int], batch_norm: bool):
    of, other = (trial(widths=list(shape), batch_norm=batch_norm) for _ in range(2))
    random = np.random.default_rng(0)
    state = [random.normal(size=array.shape).astype(np.float32) for array in of.export()]
    of.load(state, 5, 2, 0, 0.0, 5.0, 5.0)
    other.load([np.asfortranarray(array).astype(np.float64) for array in of.export()], 5, 2, 0, 0.0, 5.0, 5.0)
    assert (other.step, other.epoch) == (5, 2)
    for own, given_ in zip(other.export(), state, strict=True):
        np.testing.assert_array_equal(own, given_)


def test_labels_are_never_converted():
    of = trial()
    for wrong in (Y + 0.5, Y.astype(np.int64), Y.astype(np.float32), Y.astype(np.uint8), np.repeat(Y, 2)[::2]):
        with pytest.raises(TypeError, match="contiguous int32"):
            train(of, X, wrong)
    numbers = trial(output=2, widths=[5, 7, 1])
    for wrong in (Y, Y.astype(np.float64), np.repeat(Y.astype(np.float32), 2)[::2]):
        with pytest.raises(TypeError, match="contiguous float32"):
            train(numbers, X, wrong)
    assert of.step == numbers.step == 0


def test_a_stop_flag_that_would_be_copied_is_refused():
    for wrong in (np.zeros(1), np.zeros(2, dtype=bool), np.zeros(4, dtype=np.uint8)[::2], np.zeros((), dtype=np.uint8)):
        with pytest.raises(TypeError):
            train(trial(), X, Y, stop=wrong)
    with pytest.raises(ValueError, match="stop holds one byte"):
        train(trial(), X, Y, stop=np.zeros(0, dtype=np.uint8))


def test_a_label_outside_is_named_with_its_row():
    labels = Y.copy()
    labels[4] = 3
    with pytest.raises(ValueError, match=r"label 3 in row 4 is outside 0\.\.2"):
        train(trial(), X, labels)


def test_no_rows_have_no_scores_and_no_training():
    of = trial()
    assert np.isnan(of.evaluate(X[:0], Y[:0], X, Y)).all()
    for m in (0, 1):  # one row has no variance
        with pytest.raises(ValueError, match="too few rows"):
            train(of, X[:m], Y[:m], steps=1)
        with pytest.raises(ValueError, match="too few rows"):
            of.inside(X[:m], Y[:m], 0.1)
    with pytest.raises(ValueError, match="there are no rows"):
        of.statistics_of(X[:0], Y[:0])


@pytest.mark.parametrize("dropout", [1e-50, 1e-30])
def test_dropout_too_small_to_drop_a_unit_is_none(dropout: float):
    """1e-50 is 0 as a float32."""
    plain, small = trial(), trial(dropout=dropout)
    start = [np.random.default_rng(0).normal(size=array.shape).astype(np.float32) for array in plain.export()[:5]]
    for of in (plain, small):
        of.start(start)
        train(of, X, Y)
    for own, other in zip(small.export(), plain.export(), strict=True):
        np.testing.assert_array_equal(own, other)


BAD = st.sampled_from([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45])


@settings(max_examples=60)
@given(
    n_in=st.integers(1, 40),
    n_out=st.integers(2, 40),
    hidden=st.lists(st.integers(1, 40), max_size=3),
    m=st.integers(0, 40),
    validation=st.integers(0, 3),
    batch_size=st.sampled_from([1, 2, 7, 16, 2**24]),
    activation=st.sampled_from(ACTIVATIONS),
    batch_norm=st.booleans(),
    statistics=st.sampled_from(["running", "exact"]),
    dropout=st.sampled_from([0.0, 0.3, 0.999999999]),
    bad=st.one_of(st.none(), BAD),
    learning_rate=st.sampled_from([1e-3, 1e30]),
)
def test_the_engine_on_random_shapes(
    n_in, n_out, hidden, m, validation, batch_size, activation, batch_norm, statistics, dropout, bad, learning_rate
):
    """A CaviarError, or what the reference does: the same outcome, and close scores while the numbers are ordinary."""
    architecture = Architecture(
        n_in, n_out, tuple(hidden), activation=activation, batch_norm=batch_norm, batch_norm_statistics=statistics,
        dropout=dropout,
    )  # fmt: skip
    optimisation = Optimisation("sgd", learning_rate=learning_rate, batch_size=batch_size)
    x, y = rows(m, n_in, n_out)
    if bad is not None and m > 0:
        x[m // 2, n_in // 2] = bad
    training, held_out = Examples(x, y), Examples(*rows(validation, n_in, n_out))
    try:
        of = NativeEngine().start(architecture, optimisation, training, held_out, Keys.of(1))
        outcome, done = of.train(2, never())
        if outcome is Outcome.TRAINED:
            of.inside(training, 0.01)
        of.evaluate(held_out)
        of.inference_state()
    except CaviarError as error:
        says_why(error)
        return
    except ValueError as error:  # nn.config.from_config says so before, and better
        says_why(error)
        event("batch of one")
        if (batch_size, batch_norm, bool(hidden)) != (1, True, True):
            raise
        return
    event("trained")
    assert done
    if bad is None and learning_rate < 1 and dropout < 0.5:
        truth = ReferenceEngine().start(architecture, optimisation, training, held_out, Keys.of(1))
        expected, true = truth.train(1, never())
        assert outcome is expected is Outcome.TRAINED
        assert done[0].train_loss == pytest.approx(true[0].train_loss, rel=1e-2, abs=1e-2)


def test_the_engine_refuses_what_does_not_fit_together():
    architecture, optimisation, examples = Architecture(5, 3, (7,)), Optimisation(), Examples(X, Y)
    engine = NativeEngine()

    def train_on(other: Examples, held_out: Examples = examples, network: Architecture = architecture):
        return engine.start(network, optimisation, other, held_out, Keys.of(1)).train(1, never())

    for network in (replace(architecture, n_in=6), replace(architecture, n_out=2)):
        with pytest.raises((CaviarError, ValueError)):
            train_on(examples, network=network)
    for held_out in (Examples(X[:, :4], Y), Examples(X, Y[:3]), Examples(X, Y + 1)):
        with pytest.raises((CaviarError, ValueError)):
            train_on(examples, held_out)
    with pytest.raises((CaviarError, ValueError), match="layers"):
        train_on(examples, network=replace(architecture, hidden_units=(2**17, 2**17)))
    with pytest.raises(CaviarError, match="63 hidden layers"):
        train_on(examples, network=replace(architecture, hidden_units=(3,) * 64))
    state = engine.start(architecture, optimisation, examples, examples, Keys.of(1)).state()
    state["layer1.w"] = state["layer1.w"].T
    with pytest.raises(ValueError, match="another shape"):
        engine.start(architecture, optimisation, examples, examples, Keys.of(1), state)
