"""The finals: the best trials are trained again, on other rows or with fresh seeds, before one of them is believed.

The best of thousands of scores is too good to be true: it was chosen for its luck too. So each finalist is trained
again, on few rows in the folds of a stratified cross-validation, on many with fresh seeds; the mean decides
(scheduling/choosing.py). The winner's last training has all rows but the sealed ones: the validation rows have done
their work.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from caviar.analysis.account import Unseen
from caviar.data.examples import Examples
from caviar.errors import NoAnswer
from caviar.executors.threads import Threads
from caviar.learners.contract import BYTES_A_PARAMETER, Evaluation, Training, never
from caviar.learners.model import Member
from caviar.machine import memory_left
from caviar.records import Task, TaskOutcome, Trial, TrialState
from caviar.records.config import as_number
from caviar.records.ranking import WORST, rank_key
from caviar.scheduling.choosing import Finalist, Weighed, choose, front
from caviar.scheduling.repeats import Repeats
from caviar.study.events import Progress
from caviar.study.job import FINALISTS, SEEDS, TableJob
from caviar.study.ledger import Ledger
from caviar.study.loop import Budget, drive
from caviar.study.members import Ensemble, Repeat, ensemble_of, refitted, shares_of


@dataclass(frozen=True, eq=False)
class Found:
    """The winner, its evaluation each time that it was repeated, and its network: for how long, on which rows.

    ``unseen`` are the networks of its repeats, or of the search where there were none.
    """

    winner: Trial
    epochs: int
    repeats: list[Evaluation]
    unseen: list[Unseen]
    training: Training
    rows: Examples
    front: list[Weighed]
    weighed: list[Finalist] = field(default_factory=list)  # the choice; empty where no finalist was repeated
    ensemble: Ensemble | None = None
    entrants: dict[int, list[Repeat]] = field(default_factory=dict)
    """The repeats of each finalist."""


def finals(job: TableJob, ledger: Ledger) -> Generator[Progress, None, Found]:
    """Repeat the finalists, choose, and train the winner a last time.

    A finalist that the end of the time budget kept from being repeated is out, unless all are. Then the search's own
    score has to do, and, where there is no last training either, the search's own network.
    """
    best_front = front(
        Weighed(trial.number, ledger.rank_key(trial), float(job.parameters(trial.config)))
        for trial in ledger.trials.values()
        if trial.repeat == 0 and trial.epochs == job.rungs[-1] and trial.state is not TrialState.DIVERGED
    )
    if job.hurried(ledger, job.seconds_left()):
        of_search = yield from _without_repeats(job, ledger, best_front)
        if of_search is not None:
            return of_search
    finalists = _finalists(job, ledger, best_front)
    with job.threads(ledger) as executor:
        yield from _repeat(job, ledger, executor, finalists)
        entrants = _shared(_repeats(job, ledger, finalists))
        everything = job.dataset.train_and_validation()
        weighed = [
            _weigh(job, ledger, trial, entrants[trial.number]) for trial in finalists if trial.number in entrants
        ]
        if not any(finalist.mean > WORST for finalist in weighed):
            for trial in [*finalists, *ledger.best(len(ledger.trials))]:
                training = _of_search(job, ledger, trial)
                if training is None:
                    continue
                found = [training.evaluate(job.dataset.validation)]
                unseen = [Unseen(training.predictor(), job.dataset.train, job.dataset.validation, training.epoch)]
                last = _last_result(job, ledger, executor, trial)
                if last is not None and last.training is not None:
                    return Found(trial, last.epochs, found, unseen, last.training, everything, best_front)
                if math.isfinite(found[0].loss):  # the end may have found it on its way to worse
                    return Found(trial, training.epoch, found, unseen, training, job.dataset.train, best_front)
            raise _no_answer(job, ledger)
        chosen = choose(weighed, job.request.prefer)
        winner = next(trial for trial in finalists if trial.number == chosen.number)
        ensemble = ensemble_of(job, _sound(entrants)) if job.request.preset == "best" else None
        evaluations = [repeat.evaluation for repeat in entrants[winner.number]]
        unseen = _unseen(job, entrants[winner.number])
        together = {*(ensemble.finalists if ensemble is not None else ()), *job.recipe(ledger)}
        others = [trial for trial in finalists if trial.number in together and trial is not winner]
        left = [winner, *others] if len(finalists) > 1 else others
        if left:
            ledger.phase = "last training"
            tasks = [_last_task(job, ledger, trial) for trial in left]
            yield from drive(Repeats(tasks), executor, ledger, Budget(job.seconds_left, job.ended))
        last = _last_result(job, ledger, executor, winner)
        yield from _more_seeds(job, ledger, executor, [trial for trial in left if trial.number in together])
        if ensemble is not None:
            ensemble = refitted(ensemble, {n: _last_networks(job, ledger, executor, n) for n in ensemble.finalists})
    choice = best_front, weighed, ensemble, entrants
    if last is not None and last.training is not None:
        return Found(winner, last.epochs, evaluations, unseen, last.training, everything, *choice)
    rank_keys = [entry[0] for entry in chosen.rank_keys]  # out of time, or it diverged: its best repeat
    spare = entrants[winner.number][int(np.argmax(rank_keys))]
    rows = job.folds[spare.result.task.repeat - 1][0]
    assert spare.training is not None
    return Found(winner, spare.epochs, evaluations, unseen, spare.training, rows, *choice)


def trained_again(job: TableJob, ledger: Ledger, found: Found) -> Found:
    """The old answer of a retest as it was trained today, in place of the study's own; else ``found``."""
    shares = job.recipe(ledger)
    entrants = {number: found.entrants[number] for number in shares if found.entrants.get(number)}
    networks = {n: one for n in shares if (one := ledger.networks.get((n, job.repeats + 1))) is not None}
    if not shares or len(entrants) < len(shares) or len(networks) < len(shares):
        return found
    winner = max(shares, key=lambda number: shares[number])
    repeats, training = entrants[winner], networks[winner]
    chosen = ensemble_of(job, entrants, shares)
    ensemble = refitted(chosen, {n: _last_networks(job, ledger, None, n) for n in shares})
    return replace(
        found,
        winner=ledger.trials[winner, 0],
        epochs=training.epoch,
        repeats=[repeat.evaluation for repeat in repeats],
        unseen=_unseen(job, repeats),
        training=training,
        rows=job.dataset.train_and_validation(),
        ensemble=ensemble,
    )


def _finalists(job: TableJob, ledger: Ledger, best_front: list[Weighed]) -> list[Trial]:
    """The best trials; where small or fast networks are preferred, the best of the front."""
    if job.request.prefer != "score" and best_front and job.request.retest is None:
        return [ledger.trials[weighed.number, 0] for weighed in best_front[:FINALISTS]]
    return job.finalists(ledger)


def _repeat(job: TableJob, ledger: Ledger, executor: Threads, finalists: list[Trial]) -> Iterator[Progress]:
    """Train every finalist again, repeat by repeat, while there is time for that and for the last training.

    Where there is but one, there is nothing to choose: its last training does not wait for its repeats.
    """
    ledger.phase = "finals"
    alone = len(finalists) == 1
    if alone:
        executor.submit(_last_task(job, ledger, finalists[0]))  # even if there is no time for a repeat beside it
        reserve = job.cost(ledger, finalists[0])  # a repeat that cannot be done is not begun
    else:
        reserve = job.last_seconds([job.cost(ledger, trial) for trial in finalists])
    tasks = [
        Task(trial.number, repeat, trial.config, 0, job.epochs_wanted(ledger, trial))
        for repeat in range(1, job.repeats + 1)
        for trial in finalists
        if job.request.preset != "fast"
    ]
    budget = Budget(job.seconds_left, job.ended, lambda: reserve, finish_begun=alone)
    yield from drive(Repeats(tasks), executor, ledger, budget)


def _without_repeats(
    job: TableJob, ledger: Ledger, best_front: list[Weighed]
) -> Generator[Progress, None, Found | None]:
    """Choose among the networks that the search has left, and train the chosen a last time, as far as time allows.

    None where it has left fewer than two. A last training has as many epochs as the network that it stands for: shares
    and corrections were learned from that one.
    """
    train, rows = job.dataset.train, job.dataset.validation
    networks = {number: network for (number, repeat), network in ledger.networks.items() if repeat == 0}
    evaluations = {number: network.evaluate(rows) for number, network in networks.items()}
    numbers = [number for number, found in evaluations.items() if math.isfinite(found.loss)]
    if len(numbers) < 2:
        return None
    keys = {n: rank_key(job.metric, evaluations[n].scores[job.metric], evaluations[n].loss) for n in numbers}
    best = max(numbers, key=lambda number: (keys[number], -number))
    x = rows.x
    outputs = np.stack([networks[number].predictor().outputs(x) for number in numbers])
    parts = shares_of(job, outputs, rows.y, numbers)
    shares = {number: share for number, share in zip(numbers, parts.tolist(), strict=True) if share > 0}
    together = len(shares) > 1
    ledger.phase = "last training"
    left, spent, tasks = job.seconds_left(), 0.0, list[Task]()
    for number in sorted(shares, key=lambda number: (-shares[number], number)) if together else [best]:
        trial, epochs = ledger.trials[number, 0], networks[number].epoch
        cost = job.last_cost(job.cost(ledger, trial, epochs))
        if max(cost, (spent + cost) / job.slots) <= left:
            spent += cost
            tasks.append(Task(number, job.repeats + 1, trial.config, 0, epochs))
    with job.threads(ledger) as executor:
        yield from drive(Repeats(tasks), executor, ledger, Budget(job.seconds_left, job.ended))
        last = {n: _last_result(job, ledger, executor, ledger.trials[n, 0]) for n in numbers}
    again = {n: result.training for n, result in last.items() if result is not None and result.training is not None}
    ensemble = None
    if together:
        members = [Member(share, again.get(number, networks[number]).predictor()) for number, share in shares.items()]
        unseen = np.tensordot(parts, outputs, axes=1)
        epochs_of = {number: networks[number].epoch for number in shares}
        ensemble = Ensemble(members, shares, epochs_of, job.scoring.scores(unseen, rows.y), unseen, rows.y)
    return Found(
        ledger.trials[best, 0],
        networks[best].epoch,
        [evaluations[best]],
        [Unseen(networks[best].predictor(), train, rows, networks[best].epoch)],
        again.get(best, networks[best]),
        job.dataset.train_and_validation() if best in again else train,
        best_front,
        ensemble=ensemble,
    )


def _of_search(job: TableJob, ledger: Ledger, trial: Trial) -> Training | None:
    """The network of a search ``trial``. Where it is not in memory, the trial is trained again, to the same bits.

    That is so in a study that was killed after its last trial. None for a trial without an epoch; and, in a budget of
    seconds, where another network is in memory: there is no time for that.
    """
    kept = ledger.networks.get((trial.number, 0))
    if kept is not None or trial.epochs == 0 or (job.budget is not None and ledger.networks):
        return kept
    again = job.start(Task(trial.number, 0, trial.config, 0, trial.epochs), None)
    again.train(trial.epochs, never())
    return again


def _more_seeds(job: TableJob, ledger: Ledger, executor: Threads, members: list[Trial]) -> Iterator[Progress]:
    """Train the ``members`` of an ensemble further times, each with another seed, while there is time for all of them.

    Without a budget of seconds there is no time left that would be spent otherwise.
    """
    if job.budget is None:
        return
    for seed in range(1, job.seeds(members)):
        so_far = [_last_networks(job, ledger, executor, trial.number) for trial in members]
        if min(map(len, so_far)) < seed or job.last_round([job.cost(ledger, t) for t in members]) > job.seconds_left():
            return
        tasks = [_last_task(job, ledger, trial, seed) for trial in members]
        yield from drive(Repeats(tasks), executor, ledger, Budget(job.seconds_left, job.ended))


def _last_networks(job: TableJob, ledger: Ledger, executor: Threads | None, number: int) -> list[Training]:
    """The last trainings of a finalist that were done, one a seed."""
    found = (_last_result(job, ledger, executor, ledger.trials[number, 0], seed) for seed in range(SEEDS))
    return [last.training for last in found if last is not None and last.training is not None]


def _last_task(job: TableJob, ledger: Ledger, finalist: Trial, seed: int = 0) -> Task:
    """The last training of a finalist, on all rows but the sealed ones."""
    return Task(finalist.number, job.repeats + 1 + seed, finalist.config, 0, job.epochs_wanted(ledger, finalist))


def _last_result(
    job: TableJob, ledger: Ledger, executor: Threads | None, winner: Trial, seed: int = 0
) -> Repeat | None:
    """The last training of a finalist, if it was done."""
    key = winner.number, job.repeats + 1 + seed
    result = ledger.results.get(key)
    if result is None:
        return None
    trained = result.outcome is TaskOutcome.TRAINED
    network = ledger.networks.get(key) or (executor.parked.get(key) if executor is not None else None)
    return Repeat(result, network) if trained else None


def _repeats(job: TableJob, ledger: Ledger, finalists: list[Trial]) -> dict[int, list[Repeat]]:
    """The repeats of each finalist that were not interrupted, in their order."""
    done = (TaskOutcome.TRAINED, TaskOutcome.DIVERGED)
    return {
        trial.number: [
            Repeat(result, ledger.networks.get((trial.number, repeat)))
            for repeat in range(1, job.repeats + 1)
            if (result := ledger.results.get((trial.number, repeat))) is not None and result.outcome in done
        ]
        for trial in finalists
    }


def _shared(repeats: dict[int, list[Repeat]]) -> dict[int, list[Repeat]]:
    """The finalists that were repeated, with the repeats that all of them have."""
    took_part = {number: found for number, found in repeats.items() if found}
    numbers = [{repeat.result.task.repeat for repeat in found} for found in took_part.values()]
    common = set.intersection(*numbers) if numbers else set()
    if not common:  # the time was over in the middle of the first repeat
        return took_part
    return {number: [r for r in found if r.result.task.repeat in common] for number, found in took_part.items()}


def _sound(entrants: dict[int, list[Repeat]]) -> dict[int, list[Repeat]]:
    """The finalists none of whose repeats diverged, with equally many repeats each."""
    sound = {n: found for n, found in entrants.items() if all(repeat.sound for repeat in found)}
    first = next(iter(sound.values()))
    same = [repeat.result.task.repeat for repeat in first]
    return {n: found for n, found in sound.items() if [repeat.result.task.repeat for repeat in found] == same}


def _weigh(job: TableJob, ledger: Ledger, trial: Trial, repeats: list[Repeat]) -> Finalist:
    """A finalist as the choice sees it."""
    rank_keys = [
        rank_key(job.metric, repeat.evaluation.scores[job.metric], repeat.evaluation.loss) if repeat.sound else WORST
        for repeat in repeats
    ]
    parameters = job.parameters(trial.config)
    burden = float(parameters)
    if job.request.prefer == "fast":
        burden = min((_prediction_seconds(job, r.training) for r in repeats[:1] if r.training), default=math.inf)
    return Finalist(trial.number, rank_keys, parameters, job.epochs_wanted(ledger, trial), burden)


def _unseen(job: TableJob, repeats: list[Repeat]) -> list[Unseen]:
    """The networks of the winner's repeats."""
    return [
        Unseen(repeat.training.predictor(), *job.folds[repeat.result.task.repeat - 1], repeat.epochs)
        for repeat in repeats
        if repeat.sound and repeat.training is not None
    ]


def _prediction_seconds(job: TableJob, training: Training) -> float:
    """Seconds that a prediction of the validation rows takes: the best of five, for other programs run too."""
    predictor, x = training.predictor(), job.dataset.validation.x
    took = []
    for _ in range(5):
        started = time.perf_counter()
        predictor.outputs(x)
        took.append(time.perf_counter() - started)
    return min(took)


def _no_answer(job: TableJob, ledger: Ledger) -> NoAnswer:
    """The reason why there is no network to show, and the way out."""
    diverged = [trial for trial in ledger.trials.values() if trial.state is TrialState.DIVERGED]
    too_large = [trial for trial in ledger.trials.values() if trial.state is TrialState.OUT_OF_MEMORY]
    if too_large and not diverged:
        smallest = min(job.parameters(trial.config) for trial in too_large)
        return NoAnswer(
            f"the memory was too small for the {len(too_large)} trials, the smallest of {smallest:,} parameters",
            f"lower {', '.join(job.learner.sizes)} in the space, or give the process more memory" + _fitting(),
        )
    if not diverged:
        within = "before it was stopped" if job.budget is None else f"within {job.budget:g} seconds"
        return NoAnswer(
            f"no network was trained for a single epoch {within}",
            "give it more time: `seconds=...`",
        )
    rate = job.learner.rate
    rates = [as_number(trial.config[rate]) for trial in diverged if rate in trial.config]
    lowest = f" (the lowest tried was {min(rates):g})" if rates else ""
    return NoAnswer(
        f"all {len(diverged)} trials that trained diverged: the loss became infinite, NaN or absurdly large",
        f"lower the {rate} in the space{lowest}",
    )


def _fitting() -> str:
    """The size of a network that fits the memory now; empty where the system does not say."""
    left = memory_left()
    return "" if left is None else f"; about {left // BYTES_A_PARAMETER:,} parameters would fit"
