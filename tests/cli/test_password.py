"""Passwords in the address of a store: hidden in whatever parameter they stand."""

from __future__ import annotations

import pytest

from caviar.cli.main import run
from caviar.cli.next_steps import at, to_resume
from caviar.store import Store
from caviar.store.transactions import shown_address

BASE = "postgresql+psycopg://anna"


@pytest.mark.parametrize(
    "address",
    [
        f"{BASE}:s3cret@127.0.0.1:1/db",
        f"{BASE}@127.0.0.1:1/db?password=s3cret",
        f"{BASE}@127.0.0.1:1/db?sslpassword=s3cret",
        f"{BASE}@127.0.0.1:1/db?oauth_client_secret=s3cret",
        f"{BASE}@127.0.0.1:1/db?options=-c%20my.key%3Ds3cret",
        f"{BASE}@127.0.0.1:1/db?dbname=postgresql%3A//u%3As3cret@h/d",
    ],
)
def test_a_password_is_hidden(address, capsys, monkeypatch):
    assert "s3cret" not in shown_address(address)
    assert "s3cret" not in " ".join(at(address))
    assert "s3cret" not in to_resume("flowers", address)
    assert run(["studies", "--store", address]) == 2
    shown = capsys.readouterr().err
    assert "s3cret" not in shown
    monkeypatch.setenv("CAVIAR_STORE", address)
    assert at(address) == []
    assert run(["studies"]) == 2
    shown = capsys.readouterr().err
    assert "s3cret" not in shown


MISTYPED = [
    "postgresql+psycopg:/anna:s3cret@127.0.0.1/db",
    "postgresql+psycopg:///anna:s3cret@127.0.0.1/db",
    "postgresql+psycopg://anna/s3cret@127.0.0.1/db",
    "postgresql+psycopg://anna:12/s3cret@127.0.0.1/db",
    "postgresql+psycopg//anna:s3cret@127.0.0.1/db",
    "postgresql+psycopg:anna:s3/s3cret@127.0.0.1/db",
    "postgres:/anna/s3cret/db",
    "//anna:s3cret@127.0.0.1/db",
    "anna:s3cret@127.0.0.1",
    "host=127.0.0.1 password=s3cret user=anna",
    "host=127.0.0.1 pasword=s3cret url=x://y",
    "user = anna  pass = s3cret",
    "Server=h;Pwd=s3cret",
    "anna:s3cret@h/db://x",
]


@pytest.mark.parametrize("address", MISTYPED)
def test_a_mistyped_address_is_refused_and_not_shown(address, capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.toml").write_text('x = { scale = "linear", low = 0, high = 1 }')
    for command in (
        ["studies", "--store", address],
        ["tune", "space.toml", "--target", "x", "--seconds", "1", "--store", address],
        ["doctor", "--store", address],
        ["import", address],
    ):
        assert run(command) == 2
        shown = "".join(capfd.readouterr())
        assert "s3cret" not in shown
        assert "Traceback" not in shown
    assert [path.name for path in tmp_path.iterdir()] == ["space.toml"]


def test_a_file_may_have_the_name_of_an_address(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "12:30@home").mkdir()
    for address in ("sqlite:///a:b@c", "a:b@c", "12:30@home/caviar.db", "password.db"):
        Store.open(address).close()
    assert (tmp_path / "a:b@c").is_file()


def test_an_address_without_a_password_is_as_it_is(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    address = f"{BASE}@127.0.0.1:1/db?sslmode=require"
    assert shown_address(address) == address
    assert at(address) == ["--store", address]
    run(["studies", "--store", address])
    monkeypatch.setenv("CAVIAR_STORE", "other.db")
    assert run(["studies"]) == 2
    assert "other.db" in capsys.readouterr().err
