TRIED = "a command with a redirection and a pipe, which no shell reads"
import sys

from kit import *

Path("p.py").write_text("import sys\nprint('acc=0.5', sys.argv)\n")
Path("space.toml").write_text('[lr]\nscale = "log"\nlow = 1e-4\nhigh = 1.0\n')
fixed = ["--space", "space.toml", "--trials", 3, "--store", "c.db", "--score", "acc=([0-9.]+)"]
said = ""
right = True
for line in (f"{sys.executable} p.py {{lr}} > log", f"{sys.executable} p.py {{lr}} | tee log", "X=1 python p.py {lr}"):
    status, more = caviar("tune", "--command", line, *fixed)
    said += more
    right = right and status == 2 and ("sh -c" in more or "env X=1" in more)
status, more = caviar("tune", "--command", f"sh -c '{sys.executable} p.py {{lr}} | tee log'", *fixed)
right = right and status == 0 and Path("log").is_file()
verdict("refusal" if right else "WRONG", "refused, with sh -c, which works", said + more)
