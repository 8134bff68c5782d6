"""Coarse to fine: draw widely, find where the best trials lie, draw more densely there, and record the reason.

Notation
    d        searched hyperparameters; points are unit coordinates in [0, 1]^d, so that every scale is the right one
    round    proposals drawn after one look at the evidence; the rounds grow with the number of trials
    best     the best trials of the highest rung that enough trials have reached
    box      the smallest part of [0, 1]^d that holds the best, widened by a margin that shrinks as they grow in number;
             where they lie in two places far apart, each place has its own, and both are open

A share of the draws always comes from the whole space, and begins at the lowest rung, where a trial costs little. Draws
from a box begin higher: they are all alike, and their first epochs separate them poorly. (On LCBench the best 1 % after
52 epochs are in the median no better than the upper half after two.) So the two kinds never compete in their first
epochs. A box can also be left: whole-space trials that reach its rung and are better become the best, and the next box
is around them.

In a box, a draw is the one of several points with the greatest expected improvement, by a Gaussian process that knows
the best trials and the next best (gaussian_process.py).

Where trials can wait without a slot, a round is drawn while the one before is trained. Where each holds a slot, which
is a process, a draw is worth a look of its own: rounds are of one trial at first, and look at all trials but the last
few, which the other slots may still be at.

Source: deeplearning.ai, Improving deep neural networks, week 3, "Using an appropriate scale" and "Tuning process". The
cross-entropy method (Rubinstein, 1999) is the same idea with a normal distribution in the place of the box.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from caviar.cells import Units
from caviar.randomness import Purpose, generator, stream_key
from caviar.records import Box, Config
from caviar.records.ranking import WORST, RankKey
from caviar.scale_rules import Value
from caviar.scales import Choice, Scale
from caviar.search.contract import Compared, Evidence, Proposal
from caviar.search.feasible import draw, drawn, middle
from caviar.search.gaussian_process import GaussianProcess
from caviar.search.region import Region, half_cell
from caviar.search.sampling import SobolPoints
from caviar.search.slow_starters import slow_starters
from caviar.space import Space


@dataclass(frozen=True)
class Zoom:
    """Settings of the way from coarse to fine; the values were measured on LCBench (docs/search.md)."""

    best: int = 8  # trials within a box
    first: int = 2  # trials that finished before there is a first box
    early: int = 1  # rungs before the last: where ``best`` trials have come so far, there is a first box as well
    margin: float = 1.0  # of the box's width, over the number of the best in it
    apart: float = 0.5  # of a scale: a gap among the best that makes two boxes
    fewest: int = 3  # of the best in each of two boxes; with fewer there is one box
    whole_space: float = 0.2  # share of the draws
    skipped_rungs: int = 2  # draws from a box are first compared this many rungs before the last
    candidates: int = 32  # points, of which a draw from a box is the one with the greatest expected improvement
    candidates_of_round: int = 256  # such points of all draws of a round, at least
    rest: int = 64  # the next best trials, which the Gaussian process knows beside the best
    failed: int = 16  # the last trials that failed there, which it counts as the poorest
    pending: int = 56  # the last proposals without a result, which it knows the places of
    refit: float = 1.25  # times as many trials: its lengths are fitted again
    tier_opens: tuple[int, ...] = (0, 2, 4, 6)  # the first trial that searches each tier
    smallest_round: int = 4
    largest_round: int = 128
    round_share: float = 0.125  # of the trials so far
    smallest_lag: int = 5  # trials that are not waited for, where trials hold slots
    lag_part: int = 16  # of this many trials so far one more is not waited for

    def one_by_one(self) -> Zoom:
        """The settings where each trial holds a slot while it is trained."""
        return replace(self, smallest_round=1, round_share=1 / 64)


class CoarseToFine:
    """The search ``coarse_to_fine``; see contract.Search."""

    def __init__(
        self, space: Space, seed: int, zoom: Zoom | None = None, boxes: int = 0, slots: int | None = None
    ) -> None:
        """The first box has the number after ``boxes``. ``slots`` as in scheduling.Strategy."""
        self._space = space
        self._seed = seed
        self._zoom = (zoom or Zoom()) if slots is None else (zoom or Zoom()).one_by_one()
        self._slots = slots
        self._scales = [space[name] for name in space.searched]
        self._choices = {j: len(scale.choices) for j, scale in enumerate(self._scales) if isinstance(scale, Choice)}
        self._sequence = SobolPoints(len(self._scales), seed)
        self._half_cells = np.array([half_cell(scale) for scale in self._scales])
        last = len(self._zoom.tier_opens)
        tiers = [scale.tier or last for scale in self._scales]
        present = sorted(set(tiers))  # a space without tiers is open from the first trial on
        self._opens = np.array([self._zoom.tier_opens[present.index(tier)] for tier in tiers], dtype=np.int64)
        self._closed = np.array([_of_middle(scale) for scale in self._scales])
        self._points: dict[int, Units] = {}  # of trials that were among the best, by number
        self._taken: list[int] = []  # evidence that is ranked already, by rung
        self._ranked: list[list[_Ranked]] = []  # by rung, the best last, at most best + rest of them
        self._everywhere = self._in_own_units(Region(np.zeros(len(self._scales)), np.ones(len(self._scales))))
        self._open: list[Region] = []  # the boxes that draws come from
        self._around: list[int] = []  # the best trials at the last look
        self._failed: list[list[Compared]] = []  # by rung, the last ones
        self._model = GaussianProcess(len(self._scales), self._choices)
        self._learnt: list[int] = []  # the trials that it knows
        self._fitted = 0  # trials, when its lengths were fitted last
        self._pending: dict[int, Units] = {}  # proposals without a result, by trial
        self._boxes = boxes  # opened so far

    def lag(self, number: int) -> int | None:
        """The size of a round: while one round is being trained, the next is drawn from the rounds before it.

        Where trials hold slots, so many that a slow trial does not soon keep the other slots waiting, and that some can
        fail until it is known whether it is the program that fails (executors/held_back.py).
        """
        if self._slots is None:
            return self._round(number)
        return min(max(self._slots - 1, self._zoom.smallest_lag, number // self._zoom.lag_part), number // 2)

    def recall(self, config: Config) -> None:
        """See Search: a draw depends on the trial's number, so that none comes twice."""

    def propose(self, number: int, evidence: Evidence) -> tuple[list[Proposal], list[Box]]:
        """A round: a share from the whole space, the rest from the open boxes."""
        if number == 0:
            return [Proposal(middle(self._space, self._seed), "middle")], []
        self._take(evidence)
        opened = self._look(number, evidence)
        count = self._round(number)
        draws = self._sequence.points(number - 1, count)
        numbers = np.arange(number, number + count)
        share = self._zoom.whole_space
        whole = np.floor((numbers + 1) * share) > np.floor(numbers * share)
        boxes = self._box_of(numbers)
        if not self._open:
            whole[:] = True
            points = draws
        else:
            points = draws.copy()
            if not whole.all():
                points[~whole] = self._draw(number, draws[~whole], boxes[~whole])
        points = self._close_tiers(points, numbers)
        if self._space.constraints:
            self._keep_constraints(points, numbers, whole, boxes)
        self._pending |= zip(numbers.tolist(), self._space.applying(points), strict=True)
        self._pending = dict(list(self._pending.items())[-_KEPT:])  # some may never have a result
        slow = slow_starters(self._space, points)
        origins = [f"box {self._boxes - len(self._open) + 1 + box}" for box in boxes.tolist()]
        entry = self._entry(evidence)
        return [
            Proposal(config, "whole space", 0, is_slow) if wide else Proposal(config, origin, entry, is_slow)
            for config, origin, wide, is_slow in zip(
                self._space.from_unit(points), origins, whole.tolist(), slow.tolist(), strict=True
            )
        ], opened

    def _box_of(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The open box, from 0, of each draw: a box gets draws in proportion to the best trials that it holds."""
        if len(self._open) < 2:
            return np.zeros(len(numbers), dtype=np.int64)
        held = np.cumsum([region.held for region in self._open])
        return np.asarray(np.searchsorted(held, numbers * _GOLDEN % 1.0 * held[-1], side="right"), dtype=np.int64)

    def _draw(self, number: int, draws: Units, boxes: npt.NDArray[np.int64]) -> Units:
        """Points in ``boxes`` (n,), each the one of several with the greatest expected improvement."""
        n, d = draws.shape
        many = max(self._zoom.candidates, self._zoom.candidates_of_round // n)
        if self._zoom.candidates == 1 or not self._learnt or not d:
            return self._place(draws, boxes)
        stream = generator(stream_key(self._seed, Purpose.PROPOSALS, trial=number))
        points = self._place(stream.random((n * many, d)), np.repeat(boxes, many))
        allowed = np.ones(n * many, dtype=np.bool_)
        if self._space.constraints:
            allowed = np.array([self._space.fulfils(config) for config in self._space.from_unit(points)])
        pending = np.array(list(self._pending.values())[::-1][: self._zoom.pending]).reshape(-1, d)
        candidates = self._space.applying(points).reshape(n, many, d)
        places = self._model.best_of(candidates, allowed.reshape(n, many), pending)
        return points.reshape(n, many, d)[np.arange(n), places]

    def _keep_constraints(
        self,
        points: Units,
        numbers: npt.NDArray[np.int64],
        whole: npt.NDArray[np.bool_],
        boxes: npt.NDArray[np.int64],
    ) -> None:
        """Draw those of ``points`` (n, d) again that break a constraint: from their box, else from the whole space."""
        for i, config in enumerate(self._space.from_unit(points)):
            if self._space.fulfils(config):
                continue
            number, box = int(numbers[i]), boxes[i]

            def closed(draws: Units, at: npt.NDArray[np.int64] = numbers[i : i + 1]) -> Units:
                return self._close_tiers(draws, np.repeat(at, len(draws)))

            def boxed(draws: Units, box: np.int64 = box) -> Units:
                return self._place(draws, np.repeat(box, len(draws)))

            found = None
            if not whole[i]:
                found = draw(self._space, self._seed, number, boxed, _MOST_REDRAWS)
            if found is None:
                whole[i] = True
                found = draw(self._space, self._seed, number, closed, _MOST_REDRAWS)
            points[i] = (found or drawn(self._space, self._seed, number))[0]  # at last with all tiers open

    def _place(self, draws: Units, boxes: npt.NDArray[np.int64]) -> Units:
        """``draws`` (n, d), each moved into its box of ``boxes`` (n,)."""
        points = self._open[0].place(draws)
        for box, region in enumerate(self._open[1:], 1):
            points[boxes == box] = region.place(draws[boxes == box])
        return points

    def _entry(self, evidence: Evidence) -> int:
        """The rung at which draws from a box are compared first."""
        return max(0, len(evidence) - 1 - self._zoom.skipped_rungs)

    def _round(self, number: int) -> int:
        zoom = self._zoom
        return int(min(max(number * zoom.round_share, zoom.smallest_round), zoom.largest_round))

    def _take(self, evidence: Evidence) -> None:
        """Rank the new evidence."""
        if not self._taken:
            self._taken = [0] * len(evidence)
            self._ranked = [[] for _ in evidence]
            self._failed = [[] for _ in evidence]
        for rung, compared in enumerate(evidence):
            ranked, most = self._ranked[rung], self._zoom.best + self._zoom.rest
            poorest = ranked[0][0] if len(ranked) == most else WORST
            for c in compared[self._taken[rung] :]:
                self._pending.pop(c.number, None)
                if c.rank_key == WORST:
                    self._failed[rung].append(c)
                elif c.rank_key >= poorest:
                    insort(ranked, (c.rank_key, -c.number, c))
            self._taken[rung] = len(compared)
            del ranked[:-most], self._failed[rung][: max(len(self._failed[rung]) - self._zoom.failed, 0)]

    def _look(self, number: int, evidence: Evidence) -> list[Box]:
        """Open one box or two around the best trials, unless these have not changed."""
        zoom = self._zoom
        full = [rung for rung, ranked in enumerate(self._ranked) if len(ranked) >= zoom.best]
        earliest = max(len(evidence) - 1 - zoom.early, 0)
        if len(self._ranked[-1]) < zoom.first and (not full or full[-1] < earliest):
            return []
        rung = full[-1] if full else len(self._ranked) - 1
        ranked = [compared for _, _, compared in reversed(self._ranked[rung])]
        self._learn(number, ranked, self._failed[rung])
        best = ranked[: zoom.best]
        around = [c.number for c in best]
        if around == self._around:
            return []
        self._around = around
        points = self._varied(best)
        places, between = self._apart(points)
        regions = [Region.around(points[place], self._choices, self._half_cells, zoom.margin) for place in places]
        if len(regions) == len(self._open) and all(map(Region.same, regions, self._open)):
            return []
        before, self._open = self._open, [self._in_own_units(region) for region in regions]
        opened = []
        for i, region in enumerate(self._open):
            self._boxes += 1
            was = before[min(i, len(before) - 1)] if before else self._everywhere
            reason = self._reason(region, was, best, len(evidence[rung]), between)
            opened.append(Box(self._boxes, number, region.ranges, reason))
        return opened

    def _apart(self, best: Units) -> tuple[list[npt.NDArray[np.int64]], str]:
        """The rows of ``best`` (n, d), best first, by place; and the hyperparameter in which two places differ."""
        everyone, fewest = np.arange(len(best)), self._zoom.fewest
        ordered = np.sort(best, axis=0)  # also of a Choice, whose half cell allows no wide gap
        gaps = ordered[fewest : -fewest + 1 or None] - ordered[fewest - 1 : -fewest] - 2 * self._half_cells
        gaps = np.where(np.isnan(ordered[-1]), 0.0, gaps)  # NaN sorts last: one of them lacks the column
        if not gaps.size or gaps.max() < self._zoom.apart:
            return [everyone], ""
        at, j = np.unravel_index(gaps.argmax(), gaps.shape)
        left = np.argsort(best[:, j], kind="stable")[: at + fewest]
        places = [np.sort(left), np.setdiff1d(everyone, left)]
        return sorted(places, key=lambda place: int(place[0])), self._space.searched[j]

    def _learn(self, number: int, ranked: list[Compared], failed: list[Compared]) -> None:
        """Give the Gaussian process what is known of trials, the best first, and of those that failed."""
        numbers = [c.number for c in [*ranked, *failed]]
        if len(ranked) < _FEWEST or numbers == self._learnt:
            return
        values = _values([c.rank_key for c in ranked])
        values = np.append(values, np.full(len(failed), values.min()))
        fit = number >= self._fitted * self._zoom.refit
        self._model.learn(self._points_of([*ranked, *failed]), values, fit)
        self._learnt, self._fitted = numbers, number if fit else self._fitted

    def _points_of(self, trials: list[Compared]) -> Units:
        """The points (n, d) of ``trials``, made once a trial; NaN where a hyperparameter does not apply.

        The same where the trial lacks it.
        """
        new = [c for c in trials if c.number not in self._points]
        if new:
            points = self._space.to_unit([c.config for c in new])
            lacks = np.array([[name in c.lacks for name in self._space.searched] for c in new], dtype=np.bool_)
            self._points |= zip([c.number for c in new], np.where(lacks, np.nan, points), strict=True)
        return np.array([self._points[c.number] for c in trials])

    def _varied(self, trials: list[Compared]) -> Units:
        """The points of ``trials``, NaN also where a tier was not open: nothing is known of where it is good."""
        points, numbers = self._points_of(trials), np.array([c.number for c in trials])
        closed = (numbers[:, None] < self._opens) & np.isclose(points, self._closed, rtol=0, atol=1e-9)
        return np.where(closed, np.nan, points)

    def _close_tiers(self, points: Units, numbers: npt.NDArray[np.int64]) -> Units:
        """Hyperparameters of tiers that are not open yet stay in the middle of their scales."""
        if numbers[0] >= max(self._zoom.tier_opens):
            return points
        return np.where(numbers[:, None] < self._opens, 0.5, points)

    def _in_own_units(self, region: Region) -> Region:
        """``region`` with its ranges in the hyperparameters' own units."""
        ranges: dict[str, Any] = {}
        for j, (name, scale) in enumerate(zip(self._space.searched, self._scales, strict=True)):
            if j in self._choices:
                count = self._choices[j]
                shares = [round(share, 3) for share in region.weights.get(j, np.full(count, 1 / count)).tolist()]
                ranges[name] = {"weights": dict(zip(cast(Choice, scale).texts, shares, strict=True))}
            else:
                low, high = scale.from_unit(np.array([region.low[j], region.high[j]])).tolist()
                ranges[name] = {"low": low, "high": high}
        return replace(region, ranges=ranges)

    def _reason(self, region: Region, before: Region, best: list[Compared], of: int, between: str) -> str:
        """The reason for a box, in words; ``between`` is the hyperparameter in which it and another lie apart."""
        epochs = f"{best[0].epoch} epoch{'s' * (best[0].epoch > 1)}"
        reason = f"the best {len(best)} of {of} at the rung of {epochs} lie here"
        if between:
            reason = f"{region.held} of {reason}, and the others elsewhere in {between}"
        shrunk = (before.high - before.low) / np.maximum(region.high - region.low, 1e-9)
        moved = np.abs(before.low + before.high - region.low - region.high) >= 0.2
        resized = (shrunk <= 0.8) | (shrunk >= 1.25)
        most = np.argsort(-np.abs(np.log(shrunk)), kind="stable")
        changed = [j for j in most.tolist() if (resized | moved)[j] and j not in region.weights]
        changes = []
        for j in changed[:3]:
            word = "narrowed" if shrunk[j] >= 1.25 else "widened" if shrunk[j] <= 0.8 else "moved"
            name = self._space.searched[j]
            changes.append(f"{name} {word} from {_brief(before.ranges[name])} to {_brief(region.ranges[name])}")
        return "; ".join([reason, *changes])


_Ranked = tuple[RankKey, int, Compared]  # rank key, minus the number: of two equals the earlier one is better

_FEWEST = 3  # trials that a Gaussian process is made of
_LARGEST = 1e150  # differences of larger ones may overflow
_KEPT = 512  # proposals without a result
_MOST_REDRAWS = 512  # from a box, or with closed tiers, where all may break a constraint
_GOLDEN = (5**0.5 - 1) / 2  # its multiples are spread evenly over [0, 1), also where numbers are left out


def _values(rank_keys: list[RankKey]) -> Units:
    """The worth (n,) of trials, the best first: scores in the better half, from 0 to 1, and ranks in the other.

    So the poorest, which may be very poor, do not make all good ones look alike.
    """
    n = len(rank_keys)
    scores = np.clip([score for score, _ in rank_keys], -_LARGEST, _LARGEST)
    middle = float(np.median(scores))
    ranks = 2.0 * (n - np.arange(n) - 0.5) / n - 1.0
    if not scores[0] > middle:
        return ranks
    return np.where(scores >= middle, (scores - middle) / (scores[0] - middle), np.minimum(ranks, 0.0))


def _of_middle(scale: Scale) -> float:
    """The unit coordinate of the value in the middle of ``scale``: of a few values none may be at 0.5."""
    return float(scale.to_unit(scale.from_unit(np.array([0.5])))[0])


def _brief(ends: Mapping[str, Value]) -> str:
    """A range in the hyperparameter's own units."""
    return "..".join(f"{end:.3g}" if isinstance(end, float) else str(end) for end in (ends["low"], ends["high"]))
