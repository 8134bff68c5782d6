TRIED = "a program that a signal ends, and one whose own program fails: the sentence says which and why"
import sys

from kit import *

Path("space.toml").write_text('[lr]\nscale = "log"\nlow = 1e-4\nhigh = 1.0\n')
programs = {
    "segv": ("import ctypes\nctypes.string_at(0)", "SIGSEGV, a wrong access to memory in compiled code"),
    "kill": ("import os\nos.kill(os.getpid(), 9)", "SIGKILL, by somebody or by the system for want of memory"),
    "called": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'raise KeyError(7)'], check=True)",
        "from KeyError: 7",
    ),
    "thread": (
        "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()",
        "ZeroDivisionError",
    ),
    "syntax": ("def f(:", "SyntaxError: invalid syntax (syntax.py, line 1)"),
}
wrong, all_said = [], ""
for name, (body, reason) in programs.items():
    Path(f"{name}.py").write_text(body)
    command = f"{sys.executable} {name}.py {{lr}}"
    fixed = ["--space", "space.toml", "--trials", 1, "--store", "c.db", "--study", name]
    status, said = caviar("tune", "--command", command, "--score", "acc=([0-9.]+)", *fixed)
    all_said += said
    if status != 1 or reason not in flat(said) or crashed(said):
        wrong.append(name)
verdict("WRONG" if wrong else "right", f"the reason is said; not for {wrong}", all_said)
