"""The best trials of a study under way: by their rank keys as they stand, by their peaks, and their networks."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest

from caviar.learners.contract import Training
from caviar.records import TrialKey
from caviar.records.ranking import WORST, RankKey


class Ranked:
    """Rank keys of trials and repeats, and the best trials by them."""

    def __init__(self, most: int) -> None:
        """``most`` are the best that are asked for often."""
        self._most = most
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
            found = ((key, -number) for (number, repeat), key in self._keys.items() if not repeat and key > WORST)
            self._best = nlargest(max(n, self._most), found)
        return [-minus for _, minus in self._best[:n]]

    def worst_first(self, numbers: Sequence[int]) -> list[int]:
        """Sort trials by rank key, the worst first."""
        return sorted(numbers, key=lambda number: (self.of((number, 0)), -number))


class Peaks(Ranked):
    """The best rank key that each trial, or repeat, was ever compared with; WORST once it has diverged."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self._epochs: dict[TrialKey, int] = {}
        self.longest = Ranked(2 * most)
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
