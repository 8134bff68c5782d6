"""The finals: the best trials are trained again, on other rows or with fresh seeds, before one of them is believed.

The best of thousands of scores is too good to be true: it was chosen for its luck too. So each finalist is trained
again, on few rows in the folds of a stratified cross-validation, on many with fresh seeds; the mean decides
(search/choosing.py). The winner's last training has all rows but the sealed ones: the validation rows have done their
work.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from caviar.data.examples import Examples
from caviar.errors import NoAnswer
from caviar.executors.threads import Done, Failed, ThreadExecutor, Work
from caviar.learners.contract import BYTES_A_PARAMETER, Evaluation, Floats, Outcome, Training
from caviar.learners.model import Member
from caviar.machine import memory_left
from caviar.records import Trial, TrialState
from caviar.records.ranking import WORST, rank_key
from caviar.scheduling.choosing import Finalist, Weighed, choose, front
from caviar.study.check import FINALISTS, Job
from caviar.study.ensemble import scores as ensemble_scores
from caviar.study.ensemble import select
from caviar.study.events import Progress
from caviar.study.ledger import Ledger

_SHOW_EVERY = 0.1  # seconds


@dataclass(frozen=True, eq=False)
class Company:
    """An ensemble: its members, how they were chosen, and what they score together on rows that none has seen."""

    members: list[Member]
    finalists: dict[int, float]  # share by trial
    validation: dict[str, float]


@dataclass(frozen=True, eq=False)
class Found:
    """The winner, its evaluation each time that it was repeated, and its network: for how long, on which rows."""

    winner: Trial
    epochs: int
    repeats: list[Evaluation]
    training: Training
    rows: Examples
    front: list[Weighed]
    weighed: list[Finalist] = field(default_factory=list)  # what was chosen from; empty where none was repeated
    company: Company | None = None


def finals(job: Job, ledger: Ledger) -> Generator[Progress, None, Found]:
    """Repeat the finalists, choose, and train the winner a last time.

    A finalist that the end of the time budget kept from being repeated is out, unless all are: then the search's own
    score and, where there is no last training either, its own network have to do, or another's, where the end of the
    time has left none of theirs.
    """
    best_front = front(
        Weighed(trial.number, ledger.rank_key(trial), float(job.parameters(trial.config)))
        for trial in ledger.trials.values()
        if trial.repeat == 0 and trial.epochs == job.rungs[-1] and trial.state is not TrialState.DIVERGED
    )
    finalists = _finalists(job, ledger, best_front)
    repeats, last = yield from _repeat(job, ledger, finalists)
    entrants = _shared(repeats)
    ledger.interrupt()
    everything = job.dataset.train_and_validation()
    weighed = [_weigh(job, trial, entrants[trial.number]) for trial in finalists if trial.number in entrants]
    if not any(finalist.mean > WORST for finalist in weighed):
        for trial in [*finalists, *ledger.best(len(ledger.trials))]:
            training = ledger.kept(trial.number)
            if training is None:
                continue
            found = [training.evaluate(job.dataset.validation)]
            if last is not None and last.work.number == trial.number and _far_enough(last, trial):
                return Found(trial, _epochs(last), found, last.training, everything, best_front)
            if math.isfinite(found[0].loss):  # the end may have found it on its way to worse
                return Found(trial, training.epoch, found, training, job.dataset.train, best_front)
        raise _no_answer(job, ledger)
    chosen = choose(weighed, job.request.prefer)
    winner = next(trial for trial in finalists if trial.number == chosen.number)
    company = _company(job, _sound(entrants)) if job.request.ensemble else None
    evaluations = [done.epochs[-1].validation for done in entrants[winner.number]]
    if last is None:
        last = yield from _last(job, ledger, winner)
    if last is not None and _far_enough(last, winner):
        return Found(winner, _epochs(last), evaluations, last.training, everything, best_front, weighed, company)
    rank_keys = [entry[0] for entry in chosen.rank_keys]  # out of time, or it diverged: its best repeat
    spare = entrants[winner.number][int(np.argmax(rank_keys))]
    rows = job.folds[spare.work.repeat - 1][0]
    return Found(winner, _epochs(spare), evaluations, spare.training, rows, best_front, weighed, company)


def _finalists(job: Job, ledger: Ledger, best_front: list[Weighed]) -> list[Trial]:
    """The best trials; where small or fast networks are preferred, the best of the front."""
    if job.request.prefer != "score" and best_front:
        return [ledger.trials[weighed.number, 0] for weighed in best_front[:FINALISTS]]
    return job.finalists(ledger)


def _repeat(
    job: Job, ledger: Ledger, finalists: list[Trial]
) -> Generator[Progress, None, tuple[dict[int, list[Done]], Done | None]]:
    """Train every finalist again, repeat by repeat, while there is time for that and for the last training.

    Where there is but one, there is nothing to choose: its last training does not wait, and is given too.
    """
    repeats: dict[int, list[Done]] = {trial.number: [] for trial in finalists}
    longest = max((job.cost(ledger, trial) for trial in finalists), default=0.0)
    left = iter([(trial, repeat) for repeat in range(1, job.repeats + 1) for trial in finalists])
    last: Done | None = None
    with ThreadExecutor(job.threads) as executor:
        if len(finalists) == 1:
            epochs = job.last_epochs(ledger, finalists[0])
            executor.give(_last_work(job, finalists[0], epochs))
            reserve = job.cost(ledger, finalists[0], epochs)  # a repeat that cannot be done is not begun
        else:
            reserve, epochs = job.last_cost(longest), None
        while True:
            while executor.wants_work and job.in_time(reserve) and (work := next(left, None)) is not None:
                trial, repeat = work
                ledger.begin(trial.number, trial.config, repeat)
                begin = job.network(trial.number, trial.config, repeat, job.folds[repeat - 1])
                executor.give(Work(trial.number, repeat, begin, epochs or job.goal(trial)))
            if not job.in_time(reserve if epochs is None else 0.0):
                executor.stop()
            if executor.under_way == 0:
                break
            done = executor.take(timeout=_SHOW_EVERY)
            if done is not None and done.work.repeat > job.repeats:
                last = done if isinstance(done, Done) else None
            elif isinstance(done, Failed):
                ledger.fail(done.work.number, str(done.error), done.work.repeat)
            elif done is not None and done.outcome is not Outcome.INTERRUPTED:
                ledger.measure(done)
                repeats[done.work.number].append(done)
                if done.outcome is Outcome.TRAINED:
                    ledger.settle(done.work.number, TrialState.FINISHED, repeat=done.work.repeat)
            ledger.write_now_and_then()
            yield job.progress("finals", ledger)
    for found in repeats.values():
        found.sort(key=lambda done: done.work.repeat)
    return repeats, last


def _last_work(job: Job, winner: Trial, epochs: int) -> Work:
    """The winner's last training, on all rows but the sealed ones."""
    nothing = Examples(job.dataset.validation.x[:0], job.dataset.validation.y[:0])
    rows = (job.dataset.train_and_validation(), nothing)
    return Work(
        winner.number, job.repeats + 1, job.network(winner.number, winner.config, job.repeats + 1, rows), epochs
    )


def _last(job: Job, ledger: Ledger, winner: Trial) -> Generator[Progress, None, Done | None]:
    """Train the winner a last time; None where the memory does not suffice."""
    with ThreadExecutor(1) as executor:
        executor.give(_last_work(job, winner, job.last_epochs(ledger, winner)))
        while True:
            if not job.in_time():
                executor.stop()
            done = executor.take(timeout=_SHOW_EVERY)
            if done is not None:
                return done if isinstance(done, Done) else None
            ledger.write_now_and_then()
            yield job.progress("last training", ledger)


def _far_enough(last: Done, winner: Trial) -> bool:
    """Whether a last training was done, or at least got as far as the winner had in the search."""
    if last.outcome is Outcome.INTERRUPTED:
        return len(last.epochs) >= winner.epochs
    return last.outcome is Outcome.TRAINED


def _epochs(done: Done) -> int:
    return done.epochs[-1].epoch


def _shared(repeats: dict[int, list[Done]]) -> dict[int, list[Done]]:
    """The finalists that were repeated, with the repeats that all of them have."""
    took_part = {number: found for number, found in repeats.items() if found}
    numbers = [{done.work.repeat for done in found} for found in took_part.values()]
    common = set.intersection(*numbers) if numbers else set()
    if not common:  # the time was over in the middle of the first repeat
        return took_part
    return {number: [d for d in found if d.work.repeat in common] for number, found in took_part.items()}


def _sound(entrants: dict[int, list[Done]]) -> dict[int, list[Done]]:
    """The finalists none of whose repeats diverged, with equally many repeats each."""
    sound = {n: found for n, found in entrants.items() if all(done.outcome is Outcome.TRAINED for done in found)}
    first = next(iter(sound.values()))
    same = [done.work.repeat for done in first]
    return {n: found for n, found in sound.items() if [done.work.repeat for done in found] == same}


def _weigh(job: Job, trial: Trial, repeats: list[Done]) -> Finalist:
    """A finalist as the choice sees it."""
    rank_keys = [
        WORST
        if done.outcome is Outcome.DIVERGED
        else rank_key(job.metric, done.epochs[-1].validation.scores[job.metric], done.epochs[-1].validation.loss)
        for done in repeats
    ]
    fast = job.request.prefer == "fast"
    parameters = job.parameters(trial.config)
    burden = _prediction_seconds(job, repeats[0].training) if fast else float(parameters)
    return Finalist(trial.number, rank_keys, parameters, job.goal(trial), burden)


def _prediction_seconds(job: Job, training: Training) -> float:
    """Seconds that a prediction of the validation rows takes: the best of five, for other programs run too."""
    predictor, x = training.predictor(), job.dataset.validation.x
    took = []
    for _ in range(5):
        started = time.perf_counter()
        predictor.outputs(x)
        took.append(time.perf_counter() - started)
    return min(took)


def _company(job: Job, entrants: dict[int, list[Done]]) -> Company:
    """The ensemble of finalists and their seeds, chosen by rows that no member has seen.

    In a cross-validation a finalist stands or falls with all of its folds: together they have predicted every row
    unseen. With fresh seeds every network is a member of its own.
    """
    if job.folded:
        units = list(entrants.values())
        y = np.concatenate([job.folds[done.work.repeat - 1][1].y for done in units[0]])
    else:
        units = [[done] for found in entrants.values() for done in found]
        y = job.dataset.validation.y
    says = np.stack([np.concatenate([_says(job, done) for done in unit]) for unit in units])
    shares, _ = select(says, y)
    members, finalists = [], dict[int, float]()
    for unit, share in zip(units, shares.tolist(), strict=True):
        if share > 0:
            number = unit[0].work.number
            finalists[number] = finalists.get(number, 0.0) + share
            members += [Member(share / len(unit), done.training.predictor()) for done in unit]
    return Company(members, finalists, ensemble_scores(np.tensordot(shares, says, axes=1), y))


def _says(job: Job, done: Done) -> Floats:
    """What a repeat's network says of its validation rows: probabilities (m, C), or standardised numbers (m, 1)."""
    return done.training.predictor().outputs(job.folds[done.work.repeat - 1][1].x)


def _no_answer(job: Job, ledger: Ledger) -> NoAnswer:
    """Why there is no network to show, and what to change."""
    diverged = [trial for trial in ledger.trials.values() if trial.state is TrialState.DIVERGED]
    too_large = [trial for trial in ledger.trials.values() if trial.state is TrialState.OUT_OF_MEMORY]
    if too_large and not diverged:
        smallest = min(job.parameters(trial.config) for trial in too_large)
        return NoAnswer(
            f"the memory did not suffice for any of {len(too_large)} trials, the smallest of {smallest:,} parameters",
            f"lower {', '.join(job.learner.sizes)} in the space, or give the process more memory" + _fitting(),
        )
    if not diverged:
        return NoAnswer(
            f"no network was trained for a single epoch within {job.seconds:g} seconds",
            "give it more time, with --seconds",
        )
    rate = job.learner.rate
    rates = [float(trial.config[rate]) for trial in diverged if rate in trial.config]
    lowest = f" (the lowest tried was {min(rates):g})" if rates else ""
    return NoAnswer(
        f"all {len(diverged)} trials that got anywhere diverged: their loss became infinite, NaN or absurdly large",
        f"lower the {rate} in the space{lowest}",
    )


def _fitting() -> str:
    """How large a network the memory holds now; nothing where the system does not tell."""
    left = memory_left()
    return "" if left is None else f"; about {left // BYTES_A_PARAMETER:,} parameters would fit"
