"""The best trials of a study under way: by their rank keys as they stand, by their peaks, and their networks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import nlargest

from caviar.learners.contract import Training
from caviar.records import Config, Trial, TrialKey
from caviar.records.ranking import WORST, RankKey


class Outside(set[int]):
    """Trials that do not lie in today's space, where that was changed: by their numbers."""

    lies_in: Callable[[Config], bool] | None = None
    """True for a config that lies in today's space."""

    def take(self, trial: Trial) -> None:
        """Look at a trial for the first time."""
        if self.lies_in is not None and not trial.repeat and not self.lies_in(trial.config):
            self.add(trial.number)

    def take_anew(self, lies_in: Callable[[Config], bool], trials: Iterable[Trial]) -> None:
        """Look at all ``trials`` once more: today's space is another."""
        self.lies_in = lies_in
        self.clear()
        for trial in trials:
            self.take(trial)


class Ranked:
    """Rank keys of trials and repeats, and the best trials by them."""

    def __init__(self, most: int, outside: Collection[int] = ()) -> None:
        """``most`` are the best that are asked for often.

        Trials ``outside`` of the space of today are among the best only where no other has a score.
        """
        self._most = most
        self._outside = outside
        self._keys: dict[TrialKey, RankKey] = {}
        self._best: list[tuple[RankKey, int]] = []  # (rank key, -number), the best first; empty while unknown

    def put(self, key: TrialKey, rank_key: RankKey) -> None:
        """Rank a trial, or a repeat, anew."""
        self._keys[key] = rank_key
        if self._best and (rank_key >= self._best[-1][0] or any(-minus == key[0] for _, minus in self._best)):
            self._best = []

    def of(self, key: TrialKey) -> RankKey:
        """The rank key of a trial; WORST while it has none."""
        return self._keys.get(key, WORST)

    def best(self, n: int) -> list[int]:
        """The numbers of the ``n`` best trials that have a score; the earlier one where two are equal."""
        if len(self._best) < n:
            found = [(key, -number) for (number, repeat), key in self._keys.items() if not repeat and key > WORST]
            inside = [each for each in found if -each[1] not in self._outside] if self._outside else found
            self._best = nlargest(max(n, self._most), inside or found)
        return [-minus for _, minus in self._best[:n]]

    def forget(self) -> None:
        """Look for the best anew: other trials are outside."""
        self._best = []

    def worst_first(self, numbers: Sequence[int]) -> list[int]:
        """Sort trials by rank key, the worst first; those outside are worse than any other."""
        return sorted(numbers, key=lambda number: (number not in self._outside, self.of((number, 0)), -number))


class Peaks(Ranked):
    """The best rank key that each trial, or repeat, was ever compared with; WORST once it has diverged."""

    def __init__(self, most: int, outside: Collection[int] = ()) -> None:
        super().__init__(most, outside)
        self._epochs: dict[TrialKey, int] = {}
        self.longest = Ranked(2 * most, outside)
        """Trials by their epochs, and by their loss where these are equal, as they stand."""

    def take(self, key: TrialKey, rank_key: RankKey, epochs: int, loss: float | None) -> None:
        """Take the rank key of a trial after so many ``epochs``, and its loss then, if it has one."""
        self.longest.put(key, WORST if rank_key == WORST or loss is None else (float(epochs), -loss))
        if rank_key == WORST or rank_key > self.of(key):
            self.put(key, rank_key)
            self._epochs[key] = epochs

    def epochs(self, key: TrialKey) -> int:
        """The epochs after which a trial was best; 0 where it was not compared."""
        return self._epochs.get(key, 0)


class Networks(dict[TrialKey, Training]):
    """Networks that can be the answer: of the best trials that are over, of repeats, of the last training."""

    def __init__(self, ranked: Ranked, most: int) -> None:
        """Hold those of the ``most`` best trials."""
        super().__init__()
        self._ranked = ranked
        self._most = most

    def keep(self, key: TrialKey, training: Training) -> None:
        """Keep the network of a trial while it is among the best; those of repeats always."""
        self[key] = training
        trials = self._ranked.worst_first([number for number, repeat in self if not repeat])
        for number in trials[: max(len(trials) - self._most, 0)]:
            del self[number, 0]
