"""A store that others may have written: its command is shown and not run; what is made is private."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

import caviar
from caviar.cli.main import run
from caviar.data import samples
from caviar.errors import StoreError
from caviar.store import Store
from caviar.store.doctor import examine
from caviar.store.schema import LEASES

PROGRAM = """
import json, os, sys
open("ran", "w").close()
for line in sys.stdin:
    if json.loads(line)["type"] != "trial":
        break
    for message in ({"type": "epoch", "epoch": 1, "score": 0.5}, {"type": "done", "more": True}):
        print(json.dumps(message), flush=True)
        if message["type"] == "epoch":
            sys.stdin.readline()
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of a program, in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.py").write_text(PROGRAM)
    (tmp_path / "s.toml").write_text('[lr]\nscale = "log"\nlow = 1e-4\nhigh = 1.0\n')

    def make(store: str) -> None:
        command = shlex.join([sys.executable, "p.py"])
        words = ["--trials", "1", "--epochs", "1", "--processes", "1", "--study", "s", "--store", store, "-q"]
        assert run(["tune", "--command", command, "--space", "s.toml", *words]) == 0
        os.remove("ran")

    return make


def _resume(store: str, *more: str) -> int:
    return run(["resume", "s", "--trials", "2", "--store", store, "-q", *more])


@pytest.mark.parametrize("mode", [0o602, 0o666])
def test_a_command_in_a_file_that_others_may_write_to_is_shown_and_asked_for(mode, study, capsys):
    study("a.db")
    os.chmod("a.db", mode)
    assert _resume("a.db") == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "p.py" in said[0]
    assert "--trust" in said[1]
    assert not os.path.exists("ran")
    with pytest.raises(StoreError, match="others may write to"):
        caviar.resume("s", store="a.db", trials=2)
    assert _resume("a.db", "--trust") == 0
    assert os.path.exists("ran")


def folder_of_all(folder: Path) -> Path:
    folder.chmod(0o1777)  # as /tmp is: the file itself is safe there, and a log beside it is not
    return folder / "a.db"


def folder_above(folder: Path) -> Path:
    inner = folder / "inner"
    inner.mkdir(mode=0o700)
    os.rename("a.db", inner / "a.db")
    shutil.copy("p.py", inner)
    folder.chmod(0o777)
    return inner / "a.db"


def link_of_another(folder: Path) -> Path:
    os.symlink(folder / "a.db", folder / "link.db")
    os.chown(folder / "link.db", 65534, -1, follow_symlinks=False)
    return folder / "link.db"


def link_on_the_way(folder: Path) -> Path:
    os.symlink(folder, folder / "way")
    os.symlink(folder / "way" / "a.db", folder / "mine.db")
    os.chown(folder / "way", 65534, -1, follow_symlinks=False)
    return folder / "mine.db"


def folder_of_another(folder: Path) -> Path:
    os.chown(folder, 65534, -1)
    return folder / "a.db"


@pytest.mark.parametrize(
    "lay",
    [folder_of_all, folder_above, link_of_another, link_on_the_way, folder_of_another],
    ids=lambda lay: lay.__name__,
)
def test_nor_where_others_may_put_something_beside_it_or_in_its_place(lay, study, tmp_path, capsys):
    if lay in (link_of_another, link_on_the_way, folder_of_another) and os.geteuid():
        pytest.skip("only root may give files to others")
    study("a.db")
    store = str(lay(tmp_path))
    assert _resume(store) == 2
    assert "--trust" in capsys.readouterr().err
    assert not list(tmp_path.rglob("ran"))
    with Store.open(store) as opened:
        assert [one for one in examine(opened) if "others" in one.what or "another user" in one.what]
    assert _resume(store, "--trust") == 0
    assert list(tmp_path.rglob("ran"))


def test_a_log_that_another_user_puts_beside_a_store_runs_nothing(study, tmp_path):
    """SQLite takes from it what it says: here another command."""
    study("a.db")
    shutil.copy("a.db", "theirs.db")
    with closing(sqlite3.connect("theirs.db")) as theirs:
        theirs.execute("PRAGMA wal_autocheckpoint = 0")
        ((spec,),) = theirs.execute("SELECT spec FROM studies")
        theirs.execute("UPDATE studies SET spec = ?", (spec.replace("p.py", "q.py"),))
        theirs.commit()
        shutil.copy("theirs.db-wal", "a.db-wal")
    (tmp_path / "q.py").write_text(PROGRAM)
    tmp_path.chmod(0o1777)
    with Store.open("a.db") as store:
        assert "q.py" in store.study("s").spec.program.command
    assert _resume("a.db") == 2
    assert not os.path.exists("ran")


def test_a_folder_outside_that_others_may_have_chosen_gets_no_model(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    outside = tmp_path / "outside"
    inside = tmp_path / "inside"
    inside.mkdir()
    samples.write_csv(samples.wine(), Path("wine.csv"))
    words = ["wine.csv", "--target", "cultivar", "--store", "inside/a.db", "--out", str(outside), "-q"]
    assert run(["tune", *words, "--trials", "2", "--study", "s"]) == 0
    assert run(["babysit", *words, "--epochs", "2", "--name", "r"]) == 0
    shutil.rmtree(outside)
    os.chmod("inside/a.db", 0o666)
    for line in (["resume", "s", "--trials", "3"], ["branch", "r", "--at", "1", "--epochs", "3", "--name", "b"]):
        assert run([*line, "--store", "inside/a.db", "-q"]) == 2
        said = capsys.readouterr().err.splitlines()
        assert (str(outside) in said[0], "--trust" in said[1], len(said)) == (True, True, 2)
        assert not outside.exists()
        assert run([*line, "--store", "inside/a.db", "-q", "--trust"]) == 0
        shutil.rmtree(outside)


def test_nor_is_that_of_another_user_run(study, monkeypatch):
    study("a.db")
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    assert _resume("a.db") == 2
    assert not os.path.exists("ran")


def test_a_store_of_this_user_is_trusted(study):
    study("a.db")
    assert _resume("a.db") == 0
    assert os.path.exists("ran")


def test_on_a_server_the_user_counts_that_began(study, postgresql_url, capsys):
    study(postgresql_url)
    assert _resume(postgresql_url) == 0
    os.remove("ran")
    with Store.open(postgresql_url) as store, store.database.writing() as connection:
        identity = dict(connection.scalar(sa.select(LEASES.c.identity).order_by(LEASES.c.fence)))
        connection.execute(LEASES.update().values(identity=identity | {"user": "mallory\x1b"}))
    assert run(["resume", "s", "--trials", "3", "--store", postgresql_url, "-q"]) == 2
    assert "mallory" in capsys.readouterr().err
    assert not os.path.exists("ran")


def test_what_is_made_is_private(study):
    before = os.umask(0)
    try:
        study("a.db")
        rows = "a,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(60))
        with open("t.csv", "w") as file:
            file.write(rows)
        words = ["--target", "y", "--epochs", "2", "--name", "r", "--store", "a.db", "-q"]
        assert run(["babysit", "t.csv", *words]) == 0
    finally:
        os.umask(before)
    found = [os.path.join(folder, name) for folder, _, names in os.walk(".") for name in names]
    private = [path for path in found if ".db" in path or path.endswith(".caviar")]
    assert len(private) >= 3
    assert [path for path in private if os.stat(path).st_mode & 0o077] == []
    folders = {os.path.dirname(path) for path in private} - {"."}
    assert [folder for folder in folders if os.stat(folder).st_mode & 0o077] == []


def test_doctor_says_who_else_may_read_and_write(study):
    study("a.db")
    for mode, expected in ((0o600, 0), (0o644, 1), (0o666, 1)):
        os.chmod("a.db", mode)
        with Store.open("a.db") as store:
            assert len([one for one in examine(store) if "chmod" in one.way_out]) == expected
