"""One of several processes that work on one study; imports little, for it is started often."""

from __future__ import annotations

import random
from typing import Any

from caviar.records import Lease, Trial, TrialState
from caviar.store import Store
from tests.store.sample import CONFIG, measurement


def work(url: str, owner: Lease, seed: int, n: int, answers: Any) -> None:
    """Help ``owner`` with ``n`` trials, in an order of chance; put (fence, numbers done) into ``answers``."""
    chance = random.Random(seed)
    with Store.open(url) as store:
        helper = store.join_helper("flowers", 1)
        left = [(number, 0, 1) for number in range(n)]
        done = []
        while left:
            chance.shuffle(left)
            held = store.assign(owner, {helper.fence: left[: chance.randrange(1, 9)]})[helper.fence]
            trials = [Trial(number, CONFIG, TrialState.FINISHED, 1) for number, _, _ in held]
            measured = [(number, 0, measurement(1, helper.fence)) for number, _, _ in held]
            store.write("flowers", trials, measured, claims_done=held, lease=helper)
            done += [number for number, _, _ in held]
            over = {trial.number for trial in store.trials("flowers")}
            left = [task for task in left if task[0] not in over]
        store.leases.leave(helper)
    answers.put((helper.fence, done))
