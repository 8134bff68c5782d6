"""Objects set aside from the search for garbage are looked at again, however it ends."""

from __future__ import annotations

import gc
from contextlib import suppress

from caviar.machine import setting_aside


def test_what_was_set_aside_is_looked_at_again_after_a_mistake_too():
    with suppress(ValueError), setting_aside() as set_aside:
        assert gc.get_freeze_count() == 0
        set_aside()
        assert gc.get_freeze_count() > 0
        raise ValueError
    assert gc.get_freeze_count() == 0
