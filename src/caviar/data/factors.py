"""Factors in the units of numbers: 63 thousand, 4.9 Mio. €, 3 lakh, 12k.

A word such as thousand says a factor by itself. A letter says one only beside numbers of another scale, for m may be
metres: in 1.2k, 900 the k is a thousand.
"""

from __future__ import annotations

_WORDS = {
    "hundred": 1e2, "thousand": 1e3, "tausend": 1e3, "tsd": 1e3, "mille": 1e3, "lakh": 1e5, "lac": 1e5,
    "million": 1e6, "millionen": 1e6, "milione": 1e6, "millone": 1e6, "mio": 1e6, "mln": 1e6, "mn": 1e6, "crore": 1e7,
    "billion": 1e9, "bn": 1e9, "bln": 1e9, "mrd": 1e9, "milliard": 1e9, "milliarde": 1e9, "milliarden": 1e9,
    "trillion": 1e12,
}  # fmt: skip
_LETTERS = {"k": 1e3, "m": 1e6, "b": 1e9}


def split_factor(unit: str) -> tuple[str, float]:
    """A unit without its factor, and the factor: '€ m' is '€' and a million."""
    words = unit.split(" ")
    for place, word in enumerate(words):
        bare = word.rstrip(".").casefold()
        factor = _WORDS.get(bare) or (_LETTERS.get(bare) if place == len(words) - 1 else None)
        if factor and words[place - 1 : place] != ["per"]:
            return " ".join(words[:place] + words[place + 1 :]), factor
    return unit, 1.0


def is_word(unit: str) -> bool:
    """True for a unit whose factor is a word, and so a factor in every column."""
    return any(word.rstrip(".").casefold() in _WORDS for word in unit.split(" ")) and split_factor(unit)[1] != 1.0
