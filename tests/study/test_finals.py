"""The finals, on small real data: folds, the gap, preferences, ensembles."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy.stats import t
from sklearn import metrics

import caviar
from caviar.data import samples
from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.errors import ConfigError, SpaceError
from caviar.learners.contract import Outcome, never
from caviar.learners.dense.native import NativeTraining
from caviar.records import Trial, TrialState
from caviar.records.ranking import WORST
from caviar.report.answer import answer
from caviar.report.explain import as_text
from caviar.report.plain import account
from caviar.scheduling.choosing import NEARLY
from caviar.search.portfolio import PORTFOLIO
from caviar.store import Store
from caviar.study import finals
from caviar.study.check import FOLDED_BELOW, FOLDS, REPEATS, check_table
from caviar.study.ensemble import MOST
from caviar.study.job import FINALISTS, SEEDS, TableJob
from caviar.study.members import Ensemble, refitted
from caviar.study.ranked import Peaks
from caviar.study.spec import Request
from caviar.views.live import view_of
from caviar.views.study import study_view
from tests.study.test_tune import SMALL, peaks_of, study_of, target, wine  # noqa: F401

pytestmark = pytest.mark.filterwarnings("ignore:the target .* different whole numbers:caviar.CaviarWarning")


def test_the_answer_says_how_much_the_first_score_flattered(wine: Path, tmp_path: Path):  # noqa: F811
    study = study_of(wine, tmp_path)
    trials = study.trials()
    repeated = study.summary["best"]["repeated"]
    mine = trials[trials["number"] == study.best.trial].set_index("repeat")["score"]
    assert repeated["scores"] == mine.loc[1:FOLDS].tolist()
    assert repeated["mean"] == pytest.approx(np.mean(repeated["scores"]))
    low, high = t.interval(
        0.95, FOLDS - 1, loc=np.mean(repeated["scores"]), scale=np.std(repeated["scores"], ddof=1) / FOLDS**0.5
    )
    assert (repeated["low"], repeated["high"]) == (pytest.approx(low), pytest.approx(min(high, 1.0)))
    peak = peaks_of(study, tmp_path)[study.best.trial][0]
    assert repeated["when_chosen"] == pytest.approx(peak)
    assert repeated["gap"] == pytest.approx(peak - repeated["mean"])
    assert (repeated["how"], repeated["planned"]) == ("5-fold cross-validation", FOLDS)
    finalists = study.summary["finalists"]
    means = [np.mean(finalist["scores"]) for finalist in finalists]
    assert means == sorted(means, reverse=True)
    (mine_of_them,) = [finalist for finalist in finalists if finalist["trial"] == study.best.trial]
    assert (mine_of_them["scores"], mine_of_them["when_chosen"]) == (repeated["scores"], repeated["when_chosen"])
    assert mine_of_them["parameters"] == study.summary["best"]["parameters"]


def test_a_gap_of_losses_has_the_same_sign(wine: Path, tmp_path: Path):  # noqa: F811
    repeated = study_of(wine, tmp_path, metric="log_loss").summary["best"]["repeated"]
    assert repeated["gap"] == pytest.approx(repeated["mean"] - repeated["when_chosen"])


def test_on_many_rows_finalists_get_fresh_seeds_on_the_same_rows(tmp_path: Path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(FOLDED_BELOW * 5 // 4, 4)).astype(np.float32)
    job = check_table(Request(data=(x, (x[:, 0] > 0).astype(int))), lambda: False)
    assert len(job.folds) == REPEATS
    assert not job.folded
    assert all(rows == (job.dataset.train, job.dataset.validation) for rows in job.folds)


def test_folds_never_train_on_what_they_score_and_never_see_the_sealed_part(wine: Path):  # noqa: F811
    job = check_table(Request(data=wine, target=target()), lambda: False)
    everything = job.dataset.train_and_validation()
    rows = {row.tobytes(): i for i, row in enumerate(everything.x)}
    scored = []
    for training, validation in job.folds:
        there = [rows[row.tobytes()] for row in training.x]
        here = [rows[row.tobytes()] for row in validation.x]
        assert set(there) | set(here) == set(rows.values())
        assert not set(there) & set(here)
        scored += here
    assert sorted(scored) == sorted(rows.values())


@pytest.mark.filterwarnings("ignore:the target:caviar.CaviarWarning")  # that it is taken for classes
@pytest.mark.parametrize("metric", ["balanced_accuracy", "log_loss"])
def test_a_class_that_is_not_in_every_fold_leaves_no_score_undefined(metric: str, tmp_path: Path):
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1, 2], [50, 50, 4])
    x = (rng.normal(size=(len(y), 3)) + y[:, None]).astype(np.float32)
    study = caviar.tune((x, y), trials=12, space=SMALL, metric=metric, store=tmp_path / "c.db", study="rare", out=None)
    scores = [score for finalist in study.summary["finalists"] for score in finalist["scores"]]
    assert len(scores) == FOLDS * len(study.summary["finalists"])
    assert all(math.isfinite(score) for score in scores)
    assert math.isfinite(study.summary["best"]["repeated"]["gap"])


def test_a_preference_for_small_networks(wine: Path, tmp_path: Path):  # noqa: F811
    best = study_of(wine, tmp_path, trials=60)
    small = study_of(wine, tmp_path, trials=60, prefer="small")
    front = small.summary["front"]
    assert front == best.summary["front"]
    parameters = {row["trial"]: row["parameters"] for row in front}
    assert sorted(parameters.values(), reverse=True) == list(parameters.values())
    scores = [row["accuracy"] for row in front]
    assert sorted(set(scores), reverse=True) == scores  # each smaller network has a lower score, or is not on the front
    assert small.best.trial in parameters
    means = small.trials().query("repeat > 0 and repeat <= 5").groupby("number")["score"].mean()
    near = [n for n in means.index if means[n] >= means.max() * (1 - NEARLY)]
    assert small.best.trial == min(near, key=lambda n: parameters[n])


def test_a_preference_for_fast_networks_and_one_that_is_none(wine: Path, tmp_path: Path):  # noqa: F811
    fast = study_of(wine, tmp_path, trials=30, prefer="fast")
    assert fast.best.trial in {row["trial"] for row in fast.summary["front"]}
    with pytest.raises(ConfigError, match="no preference 'smal'") as refusal:
        study_of(wine, tmp_path, prefer="smal")
    assert "small" in refusal.value.way_out
    with pytest.raises(ConfigError, match="an ensemble is no fast network") as refusal:
        study_of(wine, tmp_path, prefer="fast", preset="best")
    assert len(str(refusal.value).splitlines()) == 2


@pytest.mark.filterwarnings("ignore:the target:caviar.CaviarWarning")  # that it is taken for a number
@pytest.mark.parametrize("regression", [False, True])
def test_an_ensemble_is_one_model_with_the_scores_of_the_answer(regression: bool, wine: Path, tmp_path: Path):  # noqa: F811
    if regression:
        table = samples.diabetes()
        path, column = samples.write_csv(table, tmp_path / "d.csv"), str(table.target_name)
    else:
        path, column = wine, target()
    study = caviar.tune(
        path, column, trials=30, space=SMALL, preset="best", store=tmp_path / "c.db", out=tmp_path, study="together"
    )
    ensemble = study.summary["ensemble"]
    assert ensemble["networks"] == len(study.best.model.members) + 1 == len(ensemble["trials"]) > 1
    assert sum(ensemble["trials"].values()) == pytest.approx(1)
    assert len(ensemble["trials"]) <= FINALISTS
    loaded = caviar.load(tmp_path / "together.caviar")
    dataset = prepare(read(path, column), 0)
    assert dataset.test is not None
    sealed = dataset.test.open()
    frame = read(path, column).frame
    assert (loaded.predict(frame) == study.best.model.predict(frame)).all()
    said = study.best.model.outputs(sealed.x.astype(np.float64))
    if regression:
        assert ensemble["test"]["r2"] == pytest.approx(metrics.r2_score(sealed.y, said[:, 0]))
    else:
        assert ensemble["test"]["accuracy"] == pytest.approx(metrics.accuracy_score(sealed.y, said.argmax(axis=1)))
        assert ensemble["test"]["log_loss"] == pytest.approx(metrics.log_loss(sealed.y, said))
    assert study.summary["best"]["test"] is not None  # the single network stands beside it
    assert json.loads(json.dumps(loaded.facts["ensemble"])) == json.loads(json.dumps(ensemble))


def test_an_ensemble_has_the_same_bits_on_any_number_of_threads(wine: Path, tmp_path: Path):  # noqa: F811
    one, three = (study_of(wine, tmp_path, threads=n, preset="best") for n in (1, 3))
    assert one.summary["ensemble"] == three.summary["ensemble"]
    for mine, other in zip(one.best.model.members, three.best.model.members, strict=True):
        assert mine.share == other.share
        assert all(
            mine.network.weights[name].tobytes() == other.network.weights[name].tobytes()
            for name in mine.network.weights
        )


def test_members_are_trained_with_several_seeds_where_time_is_left(wine: Path, tmp_path: Path, monkeypatch):  # noqa: F811
    study = study_of(wine, tmp_path, preset="best", seconds=600)
    ensemble, model = study.summary["ensemble"], study.best.model
    shares = sorted(member.share for member in model.members)
    assert ensemble["networks"] == len(model.members) + 1 == SEEDS * len(ensemble["trials"])
    assert sum(shares) < 1
    assert {round(SEEDS * share, 9) for share in shares} == {round(share, 9) for share in ensemble["trials"].values()}
    networks = [model.network, *(member.network for member in model.members)]
    weights = {b"".join(array.tobytes() for array in network.weights.values()) for network in networks}
    assert len(weights) == len(networks)  # each has its own
    monkeypatch.setattr("caviar.study.job._PARAMETERS", 1)
    large = study_of(wine, tmp_path, preset="best", seconds=600, study="large")
    assert large.summary["ensemble"]["networks"] == len(large.summary["ensemble"]["trials"])


@given(st.lists(st.integers(0, SEEDS), min_size=2, max_size=4))
def test_members_have_equally_many_seeds(trained: list[int]):
    names = [[f"{number}.{seed}" for seed in range(n)] for number, n in enumerate(trained)]
    last = {
        number: [SimpleNamespace(predictor=lambda name=name: name) for name in row] for number, row in enumerate(names)
    }
    shares = {number: (number + 1) / sum(range(len(trained) + 1)) for number in range(len(trained))}
    chosen = Ensemble(["as it was"], shares, {}, {}, np.zeros((1, 1)), np.zeros(1, dtype=np.int32))
    found, seeds = refitted(chosen, last).members, min(trained)
    if not seeds:
        assert found == ["as it was"]
        return
    assert [member.network for member in found] == [name for row in names for name in row[:seeds]]
    assert sum(member.share for member in found) == pytest.approx(1)


def test_a_test_part_of_many_rows_gets_more_time():
    few, many = hourglass(60.0, left=30.0), hourglass(60.0, left=30.0)
    many = replace(many, dataset=replace(many.dataset, test=SimpleNamespace(rows=500_040)))
    assert few.seconds_left() - many.seconds_left() == pytest.approx(10.0, abs=0.5)


def test_a_space_of_networks_that_no_engine_trains_is_refused(wine: Path, tmp_path: Path):  # noqa: F811
    with pytest.raises(SpaceError, match="parameters") as refusal:
        study_of(wine, tmp_path, space=caviar.Space(learning_rate=0.1, layers=3, hidden_units=20_000))
    assert "lower hidden_units" in refusal.value.way_out


def hourglass(seconds: float | None, left: float = math.inf, threads: int = 2) -> TableJob:
    """A job with a time budget of which ``left`` seconds are left; rungs 1, 3, 9, 27, 81, 243."""
    x = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    data = (x, (x[:, 0] > 0).astype(int))
    job = check_table(Request(data=data, trials=1, threads=threads, search="coarse_to_fine"), lambda: False)
    concluding = 0.1 + 2e-5 * job.dataset.facts["test"]  # for the model and the test part
    concluding += replace(job, seconds=seconds).account_seconds  # for baselines and columns
    gone = 0.0 if seconds is None else seconds - concluding - left
    return replace(job, seconds=seconds, request=replace(job.request, started=time.monotonic() - gone))


def ranked(*trials: tuple[int, str, float]) -> SimpleNamespace:
    """A ledger of trials, the best first, as (epochs, state, seconds); each was best in the end."""
    known = [Trial(n, {}, TrialState(state), epochs, 0.9 - n / 100, 0.3) for n, (epochs, state, _) in enumerate(trials)]
    seconds, peaks = {(n, 0): took for n, (_, _, took) in enumerate(trials)}, Peaks(FINALISTS)
    for trial in known:
        peaks.take((trial.number, 0), (0.9 - trial.number / 100, -0.3), trial.epochs, 0.3)
    by_number = {(trial.number, 0): trial for trial in known}
    return SimpleNamespace(
        best=lambda n: known[:n], seconds=seconds, peaks=peaks, trials=by_number, outside=frozenset()
    )


def test_a_finalist_is_trained_for_as_long_as_it_was_best():
    job = hourglass(60.0)
    ledger = ranked((243, "finished", 2.0), (27, "stopped", 1.0), (9, "running", 0.5), (27, "interrupted", 1.0))
    assert [job.epochs_wanted(ledger, trial) for trial in ledger.best(4)] == [243, 27, 9, 27]
    ledger.peaks.take((0, 0), (0.95, -0.2), 81, 0.2)  # it was better after 81 epochs than after 243
    ledger.peaks.take((1, 0), (0.1, -0.4), 81, 0.4)
    assert [job.epochs_wanted(ledger, trial) for trial in ledger.best(4)] == [81, 27, 9, 27]
    assert [job.cost(ledger, trial) for trial in ledger.best(4)] == pytest.approx([2.0 / 3, 1.0, 0.5, 1.0])
    ledger.peaks.take((0, 0), WORST, 100, None)
    assert [trial.number for trial in job.finalists(ledger)] == [1, 2, 3]  # what diverges in the end is no finalist


def test_the_portfolio_stands_beside_the_trials_of_the_least_loss():
    """Of a search that begins with it: in turn, whatever the metric says of them."""
    job = hourglass(1e6)
    job = replace(job, request=replace(job.request, search=PORTFOLIO))
    ledger = ranked((243, "finished", 2.0), (3, "stopped", 0.1), (3, "running", 0.1), *[(243, "finished", 2.0)] * 3)
    ledger.trials |= {(n, 0): ledger.trials[n, 0]._replace(origin=PORTFOLIO) for n in range(3)}
    losses = {0: 0.5, 3: 0.4, 4: 0.2, 5: 0.3}
    ledger.trials |= {(n, 0): ledger.trials[n, 0]._replace(validation_loss=loss) for n, loss in losses.items()}
    for n, loss in losses.items():
        ledger.peaks.take((n, 0), (0.9 - n / 100, -loss), 243, loss)
    for n in (2, 3):
        ledger.peaks.take((n, 0), WORST, 243, None)
    finalists = job.finalists(ledger)
    assert [trial.number for trial in finalists][:4] == [4, 0, 5, 1]  # 2 and 3 diverged
    assert [job.epochs_wanted(ledger, trial) for trial in finalists[:4]] == [243] * 4  # also of the one stopped early
    assert job.cost(ledger, finalists[3]) == pytest.approx(0.1 / 3 * 243)


@pytest.mark.parametrize(("seconds", "most"), [(None, 8), (3000.0, 20), (205.0, 10), (130.0, 8), (20.0, 3)])
def test_there_are_more_finalists_where_they_are_cheap(seconds: float | None, most: int):
    """Of two seconds each, in five folds on two threads: 6 s a finalist, and 6.4 s of last trainings."""
    job = hourglass(seconds)
    job = replace(job, request=replace(job.request, search=PORTFOLIO))
    finalists = job.finalists(ranked(*[(243, "finished", 2.0)] * 30))
    assert len(finalists) == len({trial.number for trial in finalists}) == most


@pytest.mark.parametrize(("preset", "repeated", "last"), [("best", 5, 2), ("single", 5, 1), ("fast", 0, 1)])
def test_a_preset_says_what_the_end_is_spent_on(preset: str, repeated: int, last: int, wine: Path, tmp_path: Path):  # noqa: F811
    study = study_of(wine, tmp_path, preset=preset)
    trials = study.trials()
    assert trials[trials["repeat"] > 0]["number"].nunique() == repeated
    assert len(study.best.model.members) + 1 >= last
    assert (study.summary.get("ensemble") is not None) == (preset == "best")
    assert study.best.model.facts["rows"] == study.summary["data"]["train"] + study.summary["data"]["validation"]


def test_there_is_no_preset_of_another_name(wine: Path, tmp_path: Path):  # noqa: F811
    with pytest.raises(ConfigError, match="no preset 'bset': it is 'best', 'single', 'fast'") as refusal:
        study_of(wine, tmp_path, preset="bset")
    assert "best" in refusal.value.way_out
    with pytest.raises(ConfigError, match="no preset ''"):
        study_of(wine, tmp_path, preset="")
    with pytest.raises(SpaceError, match="no search ''"):
        study_of(wine, tmp_path, search="")


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 3, 9, 27, 81, 243]), st.sampled_from(["stopped", "running"]), st.floats(1e-3, 10)
        ),
        min_size=1,
        max_size=8,
    ),
    st.floats(1, 1000),
    st.integers(1, 4),
)
def test_there_are_as_many_finalists_as_a_share_of_the_time_allows(trials, seconds: float, threads: int):
    """Brute force: one round of repeats and the last trainings, a fifth more, in half of the time."""
    job, ledger = hourglass(seconds, threads=threads), ranked(*trials)
    costs = [job.cost(ledger, trial) for trial in ledger.best(FINALISTS)]
    last = 1 + len(job.dataset.validation) / len(job.dataset.train)

    def wall(k: int) -> float:
        one_each = max(sum(costs[:k]) / threads, *costs[:k])
        return 1.2 * (one_each + last * one_each)

    affordable = [k for k in range(2, len(costs) + 1) if wall(k) <= 0.5 * seconds]
    finalists = job.finalists(ledger)
    assert [trial.number for trial in finalists] == list(range(max(affordable, default=1)))
    assert job.finals_cost(ledger) <= 0.5 * seconds
    if 1.2 * last * costs[0] > 0.5 * seconds:
        assert job.finals_cost(ledger) == 0.0  # not even one last training fits
    elif len(finalists) > 1:
        assert job.finals_cost(ledger) >= wall(len(finalists)) * (1 - 1e-9)


def test_one_finalist_is_trained_a_last_time_beside_its_repeats(wine: Path, tmp_path: Path, monkeypatch):  # noqa: F811
    """The same bits as when the last training waits for the choice."""
    with monkeypatch.context() as patch:
        patch.setattr(TableJob, "finalists", lambda self, ledger: ledger.best(1))
        beside = study_of(wine, tmp_path, study="beside", preset="single")
    with monkeypatch.context() as patch:
        patch.setattr(TableJob, "finalists", lambda self, ledger: ledger.best(2))
        patch.setattr(finals, "choose", lambda weighed, prefer: weighed[0])
        waits = study_of(wine, tmp_path, study="waits", preset="single")
    assert beside.best.trial == waits.best.trial
    assert beside.summary["best"] == waits.summary["best"]
    mine, other = beside.best.model.network.weights, waits.best.model.network.weights
    assert all(mine[name].tobytes() == other[name].tobytes() for name in mine)


@pytest.mark.parametrize("beside", [False, True])
def test_when_no_finalist_could_be_repeated(beside: bool, wine: Path, tmp_path: Path, monkeypatch):  # noqa: F811
    """The search's score has to do; and its network, where there is no last training either."""
    monkeypatch.setattr(TableJob, "finalists", lambda self, ledger: ledger.best(1))
    monkeypatch.setattr(finals, "_repeats", lambda job, ledger, finalists: {trial.number: [] for trial in finalists})
    if not beside:
        monkeypatch.setattr(finals, "_last_result", lambda *_: None)
    study = study_of(wine, tmp_path)
    rows = study.summary["data"]["train"] + study.summary["data"]["validation"] * beside
    assert study.best.model.facts["rows"] == rows
    assert study.summary["best"]["repeated"]["low"] is None
    assert study.summary["best"]["repeated"]["how"] == "not repeated"
    assert study.summary["finalists"] == []
    assert len(study.summary["best"]["repeated"]["scores"]) == 1
    console = Console(record=True, width=120, file=StringIO())
    console.print(answer(view_of(study)))
    said = console.export_text()
    assert "no time to train it again" in said
    assert "in the search" not in said


@pytest.mark.parametrize("worse", [False, True])
def test_when_the_end_finds_the_only_finalist_between_two_rungs(worse: bool, wine: Path, tmp_path: Path, monkeypatch):  # noqa: F811
    """Its network is the answer as it is then; where it has become no good, the best of the others is."""
    train, over, begun = NativeTraining.train, [], []

    def train_until_the_end(self, to_epoch, stop):
        if self.epoch == 0 and not over:
            return train(self, to_epoch, stop)
        if self.epoch > 0 and not over:
            begun.append(self.epoch)
            train(self, self.epoch + 1, never())
            if worse:
                monkeypatch.setattr(self, "evaluate", lambda rows: SimpleNamespace(loss=math.nan), raising=False)
        over.append(True)
        while not stop[0]:
            time.sleep(0.01)
        return Outcome.INTERRUPTED, []

    monkeypatch.setattr(NativeTraining, "train", train_until_the_end)
    monkeypatch.setattr(TableJob, "seconds_left", lambda self, concluding=True: 0.0 if over else math.inf)
    monkeypatch.setattr(TableJob, "finalists", lambda self, ledger: ledger.best(1))
    study = study_of(wine, tmp_path, trials=None, seconds=60, threads=1)
    assert len(begun) == 1
    trials = study.trials().set_index("number")
    assert (study.best.trial == trials["score"].idxmax()) is not worse
    assert study.best.model.facts["epochs"] == begun[0] + (not worse)
    assert trials["state"][study.best.trial] == "interrupted"


def test_the_account_says_what_the_time_was_spent_on(wine: Path, tmp_path: Path):  # noqa: F811
    study = caviar.tune(wine, target(), trials=12, store=tmp_path / "c.db", out=tmp_path, study="spent", threads=2)
    spent, trials = study.summary["spent"], study.trials()
    assert list(spent) == ["portfolio", "search", "finals", "last_training"]
    portfolio = set(trials[(trials["origin"] == PORTFOLIO) & (trials["repeat"] == 0)]["number"])
    with Store.open(str(tmp_path / "c.db")) as store:
        view, measured = study_view(store, "spent"), store.measurements("spent")
    in_portfolio = sum(one.seconds for number, repeat, one in measured if number in portfolio and not repeat)
    assert spent["portfolio"] == pytest.approx(in_portfolio, abs=2e-3)
    assert spent["finals"] == pytest.approx(sum(one.seconds for _, repeat, one in measured if repeat), abs=2e-3)
    console = Console(record=True, width=200, file=StringIO())
    console.print(as_text(view))
    assert "s on 2 threads together: " in console.export_text()
    assert account(view)["spent"] == spent


@pytest.mark.filterwarnings("ignore:the target:caviar.CaviarWarning")  # that it is taken for a number
@pytest.mark.parametrize("time_left", [True, False])
def test_in_a_hurry_the_networks_of_the_search_stand_together(time_left: bool, tmp_path: Path, monkeypatch):
    """They are trained a last time as far as time allows, and have the shares that were chosen either way."""
    monkeypatch.setattr(TableJob, "hurried", lambda self, ledger, within: True)
    monkeypatch.setattr(TableJob, "last_cost", lambda self, cost: 0.0 if time_left else math.nan)
    table = samples.diabetes()
    path, column = samples.write_csv(table, tmp_path / "d.csv"), str(table.target_name)
    study = caviar.tune(path, column, trials=30, space=SMALL, preset="best", store=tmp_path / "c.db", out=tmp_path)
    summary, model, trials = study.summary, study.best.model, study.trials()
    assert not (trials["repeat"] > 0).any()
    assert summary["best"]["repeated"]["how"] == "not repeated"
    ensemble = summary["ensemble"]
    assert 1 < len(ensemble["trials"]) == ensemble["networks"]
    assert sum(ensemble["trials"].values()) == pytest.approx(1)
    assert ("last_training" in summary["spent"]) == time_left
    unseen = prepare(read(path, column), 0).validation
    score = metrics.r2_score(unseen.y, model.outputs(unseen.x.astype(np.float64))[:, 0])
    assert (score == pytest.approx(ensemble["validation"]["r2"])) is not time_left  # rows that it has learned from then
    epochs = trials.set_index("number")["epochs"]
    assert {entry["epochs"] for entry in model.facts["recipe"]} == {int(epochs[int(n)]) for n in ensemble["trials"]}


def test_there_is_a_hurry_where_fewer_finalists_fit_than_an_ensemble_may_have():
    ledger = ranked(*[(27, "finished", 2.0)] * 6)
    slow, quick = hourglass(20.0), hourglass(300.0)
    assert len(slow.finalists(ledger)) < MOST <= len(quick.finalists(ledger))
    assert not slow.hurried(ledger, math.inf)  # it has folds
    slow, quick = (replace(job, folds=((job.dataset.train, job.dataset.validation),)) for job in (slow, quick))
    assert slow.hurried(ledger, math.inf)
    assert not quick.hurried(ledger, math.inf)
    assert quick.hurried(ledger, 5.0)  # it was to be enough, and it is not
    assert slow.finals_cost(ledger) == pytest.approx(slow.last_cost(2 * 2.0 / 2))  # two members on two threads
    for words in ({"preset": "single"}, {"prefer": "small"}):
        assert not replace(slow, request=replace(slow.request, **words)).hurried(ledger, math.inf)
    assert not slow.hurried(ranked((27, "finished", 20.0)), math.inf)  # one is all there is
