"""Output of programs that do not speak the protocol: lines, progress bars, colours; an epoch each."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.protocol.messages import LONGEST
from caviar.protocol.output import Output
from caviar.protocol.process import Program, _drawn_lines
from caviar.protocol.score import ScorePattern


def scores(text: str | bytes, pattern: str = "acc=([0-9.]+)", chunk: int = 1 << 16):
    """The scores of the epochs in ``text``, its final score, and the notes on it."""
    notes: dict[str, str] = {}
    output = Output(ScorePattern(pattern), notes)
    content = text.encode() if isinstance(text, str) else text
    found, rest = [], b""
    for i in range(0, len(content), chunk):
        *lines, rest = _drawn_lines(rest + content[i : i + chunk])
        for line in lines:
            output.read(line)
            while (score := output.next_score()) is not None:
                found.append(score)
    output.read(rest)
    score = output.close()
    while score is not None:
        found.append(score)
        score = output.next_score()
    assert output.is_empty
    return found, output.final, notes


def epochs(text: str | bytes, **more) -> list[float]:
    return scores(text, **more)[0]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_is_an_epoch(end):
    assert epochs(end.join(["acc=1", "noise", "acc=2", "acc=2", "acc=3"])) == [1, 2, 2, 3]


def test_what_a_bar_writes_over_is_not_final():
    assert epochs("\rstep 1 acc=0.1\rstep 2 acc=0.2\rstep 3 acc=0.3\n\rstep 1 acc=0.4\rstep 2 acc=0.5\n") == [0.3, 0.5]
    assert epochs("step 1 acc=0.1\b\b\b\b\b\b\b\b\b\b\b\b\b\bstep 2 acc=0.2\n") == [0.2]
    assert epochs("\racc=0.1\r\x1b[Kdone\n") == [0.1]
    assert epochs("\racc=0.1\racc=0.2") == [0.2]  # the end of the program


def test_a_bar_that_names_its_epochs_has_each_of_them():
    bar = "".join(f"\rEpoch {e}/3: {i}% acc={e + i / 1000}" for e in (1, 2, 3) for i in (0, 50, 100))
    assert epochs(bar) == epochs(bar + "\n") == [1.1, 2.1, 3.1]
    assert epochs("\rEpoch 0 acc=0.5\rEpoch 1 \rEpoch 1 acc=0.6\n") == [0.5, 0.6]


@pytest.mark.parametrize("form", ["Epoch {}: acc={}", "[epoch={}] acc={}", "'acc=': 0, 'epoch': {}, acc={}"])
def test_further_lines_of_an_epoch_are_no_further_epochs(form):
    lines = [form.format(e, e + i / 10) for e in (1, 2) for i in (0, 1, 2)]
    found, final, notes = scores("\n".join(lines))
    assert (found, final) == ([1.0, 2.0], 2.2)
    assert "more than one line of an epoch" in notes["twice"]
    assert lines[0][:20] in notes["twice"]


def test_fractions_of_an_epoch_are_in_it():
    """As transformers' Trainer prints them: a loss, a loss, and the evaluation at the epoch's end."""
    text = "".join(f"{{'eval_acc': 0, acc={n}, 'epoch': {e}}}\n" for n, e in enumerate((0.5, 1.0, 1.0, 1.5, 2.0, 2.0)))
    assert epochs(text) == [0, 3]


@pytest.mark.parametrize(
    "lines",
    [
        ["acc={} (best epoch 1)"] * 3,
        ["epochs=5 acc={}"] * 3,
        ["max_epoch 5 acc={}"] * 3,
        ["Epoch 100% acc={}"] * 3,
        ["epoch 1 acc={}", "epoch 2 acc={}", "epoch 1 acc={}"],  # another fold
    ],
)
def test_a_number_that_names_no_epoch_of_its_line(lines):
    assert epochs("\n".join(line.format(i) for i, line in enumerate(lines))) == [0, 1, 2]


@pytest.mark.parametrize(
    ("lines", "noted"),
    [
        ("step 100 acc=0.1\nstep 200 acc=0.2\n", True),
        ("[batch: 0/600] acc=0.1\n[batch: 50/600] acc=0.2\n", True),
        ("iter 0: acc=0.1\niter 250: acc=0.2\n", True),
        ("step 10 acc=0.1\nstep 0 acc=0.2\n", True),
        ("step 1 acc=0.1\nstep 2 acc=0.2\nstep 3 acc=0.3\n", False),
        ("step 100 acc=0.1\n", False),
        ("epoch 1 step 100 acc=0.1\nepoch 2 step 200 acc=0.2\n", False),
        ("footstep 100 acc=0.1\nfootstep 200 acc=0.2\n", False),
        ("acc=0.1 in 100 steps\nacc=0.2 in 200 steps\n", False),
    ],
)
def test_lines_of_mini_batches_are_noted(lines, noted):
    assert ("steps" in scores(lines)[2]) == noted


@pytest.mark.parametrize("epochs_of_lines", [(1, 2, 3, 1, 2, 3), (0, 1, 0), (5, 3)])
def test_epochs_that_fall_back_are_noted(epochs_of_lines):
    text = "".join(f"fold {i} epoch {epoch} acc=0.{i}\n" for i, epoch in enumerate(epochs_of_lines, 1))
    assert len(epochs(text)) == len(epochs_of_lines)
    noted = scores(text)[2]["fall"]
    assert "each line counts as a further epoch" in noted
    assert "train one fold in a trial" in noted


@pytest.mark.parametrize("epochs_of_lines", [(1, 2, 3), (1, 1, 2, 2), (10, 20, 30)])
def test_epochs_that_rise_are_not(epochs_of_lines):
    assert "fall" not in scores("".join(f"epoch {epoch} acc=0.5\n" for epoch in epochs_of_lines))[2]


def test_a_long_line_is_shown_in_whole_words_and_quotes():
    (noted,) = scores("".join(f"epoch {e} acc=0.{e:04} " for e in range(1, 30)))[2].values()
    shown = noted.partition(" numbers in ")[2].removesuffix(", and the last counts")
    assert shown.startswith("'epoch 1 acc=0.0001 ")
    assert shown.endswith("...'")
    assert shown[:-4].split()[-1] in {"epoch", *map(str, range(1, 30)), *(f"acc=0.{e:04}" for e in range(1, 30))}


def test_a_final_score_is_one_that_was_no_epoch():
    assert scores("epoch 1 acc=1\nepoch 2 acc=2\n")[1] is None
    assert scores("epoch 1 acc=1\nepoch 1 acc=1\n")[1:] == (None, {})
    assert scores("epoch 1 acc=1\nTest (epoch 1) acc=0.5\n")[1] == 0.5


def test_colours_are_no_part_of_a_line():
    assert epochs("\x1b[32macc=\x1b[1m0.5\x1b[0m\x1b[0m\n\x1b]0;title\x07acc=0.6\x1b[K\n") == [0.5, 0.6]


def test_bytes_that_are_no_text():
    assert epochs(b"\xff\xfe acc=0.5 \xc3\n") == [0.5]


def test_nan_is_a_score():
    (found,) = epochs("acc=nan\n")
    assert math.isnan(found)


def test_a_program_without_a_score():
    output = Output(ScorePattern("acc=([0-9.]+)"), {})
    assert "printed nothing" in output.missing
    output.read(b"hello\n")
    assert "none of the 1 line " in output.missing
    output.read(b"\rhello\r")
    assert "acc=([0-9.]+)" in output.missing
    assert "2 lines" in output.missing
    output.read(b"last but one\nthe last\n")
    assert output.missing.endswith("which end so: 'hello', 'last but one', 'the last'")


@given(
    st.lists(st.sampled_from(["acc=1 ", "acc=2 ", "epoch 1 ", "epoch 2 ", " ", "\r", "\n", "\r\n"])), st.integers(1, 5)
)
def test_the_pieces_in_which_output_comes_change_nothing(parts, chunk):
    text = "".join(parts)
    assert scores(text, chunk=chunk) == scores(text)


TQDM = """
import sys
from tqdm import tqdm
for epoch in range(3):
    for step in (bar := tqdm(range(20), mininterval=0, leave={leave}, file=sys.stdout{more})):
        bar.set_postfix_str(f"acc={{epoch + step / 100:.2f}}")
"""
NESTED = """
import sys
from tqdm import tqdm
for epoch in tqdm(range(3), desc="Epochs", position=0, file=sys.stdout, mininterval=0):
    for step in (bar := tqdm(range(9), desc=f"Epoch {epoch}", position=1, leave=False, file=sys.stdout, mininterval=0)):
        bar.set_postfix_str(f"acc={epoch + step / 100:.2f}")
"""


def printed(program: str) -> bytes:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (TQDM.format(leave=True, more=""), [0.19, 1.19, 2.19]),
        (TQDM.format(leave=False, more=', desc=f"Epoch {epoch}"'), [0.19, 1.19, 2.19]),
        (NESTED, [0.08, 1.08, 2.08]),
    ],
)
def test_real_progress_bars(program, expected):
    pytest.importorskip("tqdm")
    assert epochs(printed(program)) == expected


def test_a_bar_over_all_epochs_has_its_last_score():
    """Its line is one: nothing says where an epoch ends in it."""
    pytest.importorskip("tqdm")
    program = "from tqdm import tqdm\nfor e in (bar := tqdm(range(5), mininterval=0)): bar.set_postfix(acc=e / 10)"
    assert epochs(printed(program.replace("mininterval", "file=__import__('sys').stdout, mininterval"))) == [0.4]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
def test_output_in_another_encoding(encoding):
    text = "Précision=0.5\r\nPrécision=0.25\nPrécision=6.05e-06"
    assert epochs(text.encode(encoding), pattern="Précision=([0-9.]+)") == [0.5, 0.25, 6.05e-06]


def test_the_end_of_a_line_of_megabytes_is_read():
    program = "for e in (1, 2): print('x' * 3_000_000, f'acc=0.{e}')"
    found, notes = [], {}
    output = Output(ScorePattern("acc=([0-9.]+)"), notes)
    process = Program([sys.executable, "-c", program], {}, one_output=True)
    while not process.has_ended or process.drain():
        for descriptor in process.open:
            process.read(descriptor)
        while (line := process.next_line()) is not None:
            assert len(line) < 2 * LONGEST
            output.read(line)
            found.append(output.next_score())
    process.end()
    assert found == [0.1, 0.2]
    assert "more than 1,048,576 bytes" in notes["long"]
