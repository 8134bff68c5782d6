"""The index of the package: its public names are pinned here, and it loads nothing before it is needed."""

from __future__ import annotations

import pkgutil
import re
import subprocess
import sys
import types

import pytest

import caviar

NAMES = [
    "CaviarError",
    "CaviarWarning",
    "Choice",
    "ConfigError",
    "DataError",
    "Drift",
    "Fit",
    "Fixed",
    "Infeasible",
    "Integer",
    "Linear",
    "Log",
    "Model",
    "ModelError",
    "NoAnswer",
    "OneMinusLog",
    "OpenOptions",
    "OpenStudy",
    "PowerOfTwo",
    "ProgramOptions",
    "ResumeOptions",
    "SealBroken",
    "Space",
    "SpaceError",
    "StoreError",
    "TableOptions",
    "TrialStopped",
    "TunedProgram",
    "TunedStudy",
    "UserMistake",
    "babysit",
    "default_space",
    "drift",
    "enqueue",
    "load",
    "open_study",
    "respace",
    "resume",
    "retest",
    "train",
    "tune",
]


def test_the_public_names_are_these_and_all_of_them_are_there():
    assert sorted(caviar.__all__) == caviar.__dir__() == NAMES
    for name in NAMES:
        assert getattr(caviar, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'tun'"):
        caviar.tun  # noqa: B018
    everything: dict[str, object] = {}
    exec("from caviar import *", everything)
    assert set(NAMES) <= set(everything)


def test_no_module_has_the_name_of_a_public_function_or_class():
    """``import caviar.tune as m`` must not give a function."""
    modules = {module.name for module in pkgutil.iter_modules(caviar.__path__)}
    assert {name for name in NAMES if name in modules} == {"babysit"}
    assert isinstance(caviar.babysit, types.ModuleType)
    for name in NAMES:
        if name != "babysit":
            with pytest.raises(ModuleNotFoundError):
                __import__(f"caviar.{name}")


def test_importing_caviar_loads_few_modules_and_no_library():
    program = """
import sys
before = set(sys.modules)
import caviar
loaded = set(sys.modules) - before
print(sum(name.partition(".")[0] == "caviar" for name in loaded))
print(*sorted(loaded & {"numpy", "pandas", "sqlalchemy", "scipy", "sklearn", "typer", "rich", "plotly", "pyarrow"}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ours, libraries = done.stdout.splitlines()
    assert int(ours) < 25
    assert libraries == ""


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import PackageNotFoundError, version

    assert re.fullmatch(r"\d+\.\d+\.\d+", caviar.__version__)
    try:
        installed = version("caviar-tuner")
    except PackageNotFoundError:  # only the source is on the path
        return
    assert caviar.__version__ == installed
