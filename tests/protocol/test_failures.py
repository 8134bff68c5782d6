"""The sentence that says why a program failed: from real tracebacks of real programs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from caviar.protocol.failures import sentence, with_sentence

TORCH = """
    def train():
        raise RuntimeError("CUDA error: device-side assert triggered\\n"
                           "For debugging consider passing CUDA_LAUNCH_BLOCKING=1\\n"
                           "Compile with TORCH_USE_CUDA_DSA to enable device-side assertions.\\n")
    train()
"""
GROUP = """
    errors = []
    for name in ("lr", "momentum"):
        try:
            {}[name]
        except KeyError as error:
            errors.append(error)
    raise ExceptionGroup("two workers failed", [*errors, ValueError("never thrown before")])
"""
PROGRAMS = {
    "several lines, as PyTorch's": (TORCH, "RuntimeError: CUDA error: device-side assert triggered (train.py, line 3)"),
    "a message that begins with an empty line": (
        "raise ValueError('''\n  shapes differ\n    (3,) and (4,)''')",
        "ValueError: shapes differ (train.py, line 1)",
    ),
    "only a word": ("config = {}\nrate = config['lr']", "KeyError: 'lr' (train.py, line 2: rate = config['lr'])"),
    "nothing at all": ("x = 1\nassert x > 2", "AssertionError (train.py, line 2: assert x > 2)"),
    "an assertion with its text": (
        "assert 1 > 2, 'x is too small'",
        "AssertionError: x is too small (train.py, line 1)",
    ),
    "in a library": ("import json\njson.loads('{')", "json.decoder.JSONDecodeError: Expecting property name"),
    "its line of the library": ("import json\n\njson.loads('{')", "(train.py, line 3)"),
    "compiled code": (
        "import numpy as np\nnp.linalg.inv(np.zeros((2, 2)))",
        "numpy.linalg.LinAlgError: Singular matrix (train.py, line 2)",
    ),
    "raised from another": (
        "try:\n    int('a')\nexcept ValueError as error:\n    raise RuntimeError('cannot read') from error",
        "RuntimeError: cannot read (train.py, line 4), from ValueError: invalid literal for int() with base 10: 'a' "
        "(train.py, line 2)",
    ),
    "raised while another was handled": (
        "try:\n    int('a')\nexcept ValueError:\n    raise RuntimeError('cannot read')",
        "RuntimeError: cannot read (train.py, line 4)",
    ),
    "a group": (GROUP, "two workers failed (3 sub-exceptions) (train.py, line 8); KeyError: 'lr' (train.py, line 5: "),
    "all of a group": (GROUP, "ValueError: never thrown before"),
    "notes": ("e = ValueError('bad')\ne.add_note('see the manual')\nraise e", "ValueError: bad (train.py, line 3)"),
    "a program that is no Python": ("x = 1\ndef f(:\n    pass", "SyntaxError: invalid syntax (train.py, line 2)"),
    "indentation": ("def f():\nreturn 1", "(train.py, line 2)"),
    "text that is no Python": ("exec('def f(:')", "SyntaxError: invalid syntax"),
    "its own exception": (
        "class NoData(Exception): pass\nraise NoData('at: all')",
        "NoData: at: all (train.py, line 2)",
    ),
    "a recursion": ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded"),
    "an exit with a text": ("import sys\nsys.exit('data folder not found')", "data folder not found"),
    "one that was handled before": (
        "import traceback\ntry:\n    1 / 0\nexcept Exception:\n    traceback.print_exc()\nraise ValueError('later')",
        "ValueError: later (train.py, line 6)",
    ),
    "one that is ignored at the end": (
        "class Held:\n    def __del__(self): raise TypeError('at the end')\n"
        "held = Held()\nraise ValueError('the real one')",
        "ValueError: the real one (train.py, line 4)",
    ),
    "a program of its own": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'raise KeyError(7)'], check=True)",
        ", from KeyError: 7 (<string>, line 1)",
    ),
    "what cannot be read": ("def f(:", "SyntaxError: invalid syntax (train.py, line 1)"),
    "a worker": (
        "from multiprocessing import get_context\n"
        "def load(i): raise ValueError(f'row {i} is bad')\n"
        "if __name__ == '__main__': get_context('fork').Pool(1).map(load, [7])",
        "ValueError: row 7 is bad (train.py, line 3), from ValueError: row 7 is bad (train.py, line 2)",
    ),
    "a warning before": (
        "import warnings\nwarnings.warn('old')\nopen('none.csv')",
        "FileNotFoundError: [Errno 2] No such",
    ),
    "no module": ("import not_there", "ModuleNotFoundError: No module named 'not_there' (train.py, line 1)"),
    "another thread": (
        "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()\nraise SystemExit(1)",
        "ZeroDivisionError: division by zero (train.py, line 2)",
    ),
}


@pytest.mark.parametrize(("program", "expected"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_in_python(tmp_path: Path, program: str, expected: str):
    (tmp_path / "train.py").write_text(textwrap.dedent(program))
    ended = subprocess.run([sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode
    assert expected in sentence(ended.stderr)
    assert len(sentence(ended.stderr).splitlines()) == 1


OTHERS = {
    "a process among several": (
        '[rank0]: Traceback (most recent call last):\n[rank0]:   File "/x/a.py", line 3, in f\n[rank0]:     g(1)\n'
        "[rank0]: ValueError: no data\n[rank0]: see the manual",
        "ValueError: no data (a.py, line 3)",
    ),
    "a worker of PyTorch's": (
        'Traceback (most recent call last):\n  File "/x/a.py", line 9, in f\n    for x in loader:\n'
        "ValueError: Caught ValueError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
        '  File "/y/site-packages/torch/f.py", line 7, in g\n    h(x)\n  File "/x/b.py", line 3, in __getitem__\n'
        "    read(x)\nValueError: no data",
        "ValueError: no data (b.py, line 3)",
    ),
    "Java with a cause": (
        "java.lang.IllegalStateException: cannot train\n\tat java.base/java.util.ArrayList.each(ArrayList.java:1511)\n"
        "\tat Train.main(Train.java:5)\nCaused by: java.io.FileNotFoundException: data.csv\n"
        "\tat Data.read(Data.java:9)\n\t... 1 more\n",
        "java.lang.IllegalStateException: cannot train (Train.java, line 5), "
        "from java.io.FileNotFoundException: data.csv (Data.java, line 9)",
    ),
    "C++": (
        "terminate called after throwing an instance of 'std::runtime_error'\n  what():  bad data\nAborted",
        "std::runtime_error: bad data",
    ),
    "C": (
        "prog: train.c:12: main: Assertion `x > 0' failed.\nAborted",
        "prog: train.c:12: main: Assertion `x > 0' failed.",
    ),
    "Java": (
        'Exception in thread "main" java.lang.IllegalStateException: no data\n\tat Train.main(Train.java:5)',
        "java.lang.IllegalStateException: no data (Train.java, line 5)",
    ),
    "R": ("Error in train(x) : no data\nCalls: train\nExecution halted", "no data"),
    "R without a call": ("Error: object 'x' not found\nExecution halted", "Error: object 'x' not found"),
    "Julia": (
        "ERROR: LoadError: no data\nStacktrace:\n [1] error(s::String)\n   @ Base ./error.jl:35",
        "ERROR: LoadError: no data",
    ),
    "Node": (
        "/x/p.js:3\nthrow new Error('no data')\n^\n\nError: no data\n    at /x/p.js:3:7\n\nNode.js v18",
        "Error: no data",
    ),
    "Go": ("panic: no data\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/m.go:4", "panic: no data"),
    "a shell": ("train.sh: line 3: foo: command not found", "train.sh: line 3: foo: command not found"),
    "anything": ("reading\n\nno data\n", "no data"),
    "nothing": (" \n", ""),
}


@pytest.mark.parametrize(("text", "expected"), OTHERS.values(), ids=OTHERS)
def test_a_program_in_another_language(text: str, expected: str):
    assert sentence(text) == expected


def test_the_sentence_stands_above_all_that_was_said():
    text = 'Traceback (most recent call last):\n  File "/x/a.py", line 3, in f\n    g()\nValueError: no data\nTry b'
    assert with_sentence(text) == f"ValueError: no data (a.py, line 3)\n{text}"
    assert with_sentence("overflow\n") == "overflow"


def test_a_long_sentence_is_cut():
    assert len(sentence("x" * 5000)) == 300
