"""The worth of a portfolio and of earlier studies, against counting by hand."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from caviar.records import StudyKind, StudySpec, Trial, TrialState, Winners
from caviar.records.ranking import WORST, rank_key_of
from caviar.views.followed import followed
from caviar.views.study import study_view_of
from tests.views.records import study_of

LIKE = (Winners(label="old", trials=(3, 7), configs=({"learning_rate": 0.1},) * 2),)
STUDY = replace(study_of(metric="score"), spec=StudySpec(kind=StudyKind.FUNCTION, rungs=(1, 3), like=LIKE))
ORIGINS = ("portfolio", "like old: trial 3", "like old: trial 7", "like old", "like older", "middle", "box 1")
TRIALS = st.lists(
    st.tuples(
        st.sampled_from(ORIGINS),
        st.sampled_from([TrialState.FINISHED, TrialState.STOPPED, TrialState.DIVERGED]),
        st.none() | st.integers(0, 5),
    ),
    max_size=30,
).map(
    lambda rows: [
        Trial(n, {"learning_rate": 0.1}, state, 1, score, origin=origin)
        for n, (origin, state, score) in enumerate(rows)
    ]
)


@given(TRIALS)
def test_each_is_counted(trials):
    def rank(trial):
        return trial.state is TrialState.FINISHED, rank_key_of("score", trial), -trial.number

    found = {one.study: one for one in followed(STUDY, trials)}
    for name, own in (("", ORIGINS[:1]), ("old", ORIGINS[1:4])):
        mine = [trial for trial in trials if trial.origin in own]
        others = [trial for trial in trials if trial.origin not in own]
        assert (name in found) is bool(mine)
        if mine:
            best = max((t for t in mine if rank_key_of("score", t) > WORST), key=rank, default=None)
            one = found[name]
            assert one.tried + one.drawn == len(mine)
            assert one.drawn == sum(trial.origin == "like old" for trial in mine)
            assert one.best == (None if best is None else best.number)
            worse = [t for t in others if best and (rank_key_of("score", t) == WORST or rank(t) < rank(best))]
            assert one.better_than == len(worse)
            assert one.sentence in study_view_of(STUDY, trials, ()).remarks


def test_the_sentence():
    trials = [
        Trial(0, {"learning_rate": 0.1}, TrialState.FINISHED, 3, 0.5, origin="like old: trial 3"),
        Trial(1, {"learning_rate": 0.1}, TrialState.FINISHED, 3, 0.9, origin="like old"),
        Trial(2, {"learning_rate": 0.1}, TrialState.FINISHED, 3, 0.7, origin="middle"),
    ]
    [one] = followed(STUDY, trials)
    assert one.sentence == (
        "1 config of study old was tried, and 1 drawn around its best ones; the best of them, trial 1, is better than "
        "1 of one other trial"
    )
    [one] = followed(STUDY, [trials[0]._replace(state=TrialState.DIVERGED), trials[2]])
    assert one.sentence == "1 config of study old was tried: none of them has a result"
