"""One of several processes that work on one study; imports little, for it is started often."""

from __future__ import annotations

import random
from typing import Any

from caviar.records import Trial, TrialState
from caviar.store import Store
from tests.store.sample import CONFIG, measurement


def work(url: str, seed: int, n: int, answers: Any) -> None:
    """Do what is left of ``n`` trials, in an order of chance; put (fence, numbers done) into ``answers``."""
    chance = random.Random(seed)
    with Store.open(url) as store:
        worker = store.join("flowers")
        left = [(number, 0, 1) for number in range(n)]
        done = []
        while left:
            chance.shuffle(left)
            held = store.claim(worker, left[: chance.randrange(1, 9)])
            trials = [Trial(number, CONFIG, TrialState.FINISHED, 1) for number, _, _ in held]
            measured = [(number, 0, measurement(1, worker.fence)) for number, _, _ in held]
            store.write("flowers", trials, measured, claims_done=held, worker=worker)
            done += [number for number, _, _ in held]
            over = {trial.number for trial in store.trials("flowers")}
            left = [piece for piece in left if piece[0] not in over]
        store.leave(worker)
    answers.put((worker.fence, done))
