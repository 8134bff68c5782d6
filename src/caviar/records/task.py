"""Records of a task: a piece of training as plain data."""

from __future__ import annotations

Piece = tuple[int, int, int]
"""A piece of work that one worker claims: (number, repeat, to_epoch), train this trial up to that epoch."""
