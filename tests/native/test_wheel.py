"""The wheel as it is handed out: built, unpacked, and used from there. `make wheel` repairs and installs it too."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-4000:])
    return done.stdout


def test_the_wheel_holds_what_it_needs_and_trains(tmp_path: Path):
    run("-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(tmp_path), ".")
    (wheel,) = tmp_path.glob("caviar_tuner-*.whl")
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(unpacked)
    assert not [name for name in names if not name.startswith(("caviar/", "caviar_tuner-"))]
    assert [name for name in names if name.startswith("caviar/learners/dense/_native.") and name.endswith(".so")]
    for needed in ("caviar/default_space.toml", "caviar/learners/dense/_native.pyi"):
        assert needed in names
    # -S: without the start-up files of site-packages, among them that of the editable installation.
    packages = [entry for entry in sys.path if entry.endswith("site-packages")]
    path = os.pathsep.join([str(unpacked), *packages])
    script = ROOT / "tests" / "native" / "tiny_network.py"
    assert f"caviar of {unpacked / 'caviar'} learned" in run("-S", str(script), PYTHONPATH=path)
