TRIED = "--score with a program that writes UTF-16, Latin-1, or a line of three megabytes before its score"
import sys

from kit import *

Path("space.toml").write_text('[lr]\nscale = "log"\nlow = 1e-4\nhigh = 1.0\n')
fixed = ["--space", "space.toml", "--epochs", 3, "--trials", 2, "--store", "c.db", "--stopping", "none"]
programs = {
    "utf16": "sys.stdout.reconfigure(encoding='utf-16')\nfor e in range(3): print(f'précision=0.{e + 1}')",
    "latin1": "sys.stdout.reconfigure(encoding='latin-1')\nfor e in range(3): print(f'précision=0.{e + 1}')",
    "long": "for e in range(3): print('x' * 3_000_000, f'précision=0.{e + 1}')",
}
wrong, said = [], ""
for name, body in programs.items():
    Path(f"{name}.py").write_text(f"import sys\n{body}\n")
    command = f"{sys.executable} {name}.py {{lr}}"
    _, more = caviar(
        "tune", "--command", command, "--score", "précision=([0-9.]+)", "--goal", "maximize", "--study", name, *fixed
    )
    said += more
    caviar("export", name, "--store", "c.db", "--out", f"{name}.csv")
    if not Path(f"{name}.csv").is_file() or set(pd.read_csv(f"{name}.csv").score) != {0.3}:
        wrong.append(name)
verdict("WRONG" if wrong else "right", f"three epochs, the last is 0.3; else: {wrong}", said)
