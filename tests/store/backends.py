"""Back ends of the store, for tests that are not for all of them."""

from __future__ import annotations

import pytest

persistent = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
"""For tests that open the store twice, or in another process: one in memory is gone when it is closed."""
