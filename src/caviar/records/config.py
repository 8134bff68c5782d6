"""Configs: points of a space."""

from __future__ import annotations

from collections.abc import Mapping

Value = bool | int | float | str
Config = Mapping[str, Value]
"""One point of a space: the name of every hyperparameter that applies, and its value."""
