"""The lines of the shortest programs are counted right, and every fact says where it was read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.environments import rows
from caviar.frameworks.facts import PROGRAMS, count_lines, read_facts

PROGRAM = '''"""What it does,

in three lines.
"""

import sys  # why


def double(x):
    """Twice as much."""

    # not counted
    text = """one
    two"""  # a text that is no docstring: two lines
    return (
        2 * x
    ), text


class Empty:
    """Only a docstring."""


print(double(2), sys.argv)
'''


def test_lines_with_code_are_counted() -> None:
    assert count_lines(PROGRAM) == len(["import", "def", "text", "two", "return", "2 *", ")", "class", "print"])
    assert count_lines("") == count_lines("# nothing\n\n") == count_lines('"""Only words."""\n') == 0
    assert count_lines('x = 1\n"""Not at the top: code that does nothing."""\n') == 2
    assert count_lines("x = 1; y = 2\n") == 1
    assert count_lines("x = [\n\n    1,  # one\n    # two\n]\n") == 3


SOURCES = sorted(PROGRAMS.glob("*.py"))


@given(st.sampled_from(SOURCES), st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["\n", "# a note\n"]))))
def test_blank_lines_and_comments_do_not_count(source: Path, added: list[tuple[int, str]]) -> None:
    text = source.read_text()
    assert '"""' not in text  # a line could be put into it
    lines = text.splitlines(keepends=True)
    for place, line in added:
        lines.insert(place % (len(lines) + 1), line)
    assert count_lines("".join(lines)) == count_lines(text)


def test_every_fact_has_a_source() -> None:
    facts = read_facts()
    for known in facts.values():
        assert known.title
        for said in (known.licence, known.governance, known.release, known.deploy):
            assert said is None or all(said)
        assert (known.lines or 0) > 0 or known.program is None
    assert all(facts[name].program is None for name in ("caffe", "dl4j"))


def test_programs_facts_and_rows_belong_together() -> None:
    facts = read_facts()
    assert {path.stem for path in SOURCES} == {name for name, known in facts.items() if known.program is not None}
    assert {row.folder.name for row in rows()} == set(facts) - {"caviar"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_programs_offer_the_same(path: Path) -> None:
    compile(path.read_text(), str(path), "exec")
    text = path.read_text()
    assert "def start(widths, batch_size):" in text
    assert "return train, predict\n" in text
