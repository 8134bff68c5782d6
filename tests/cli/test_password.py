"""Passwords in the address of a store: hidden in whatever parameter they stand."""

from __future__ import annotations

import pytest

from caviar.cli.main import run
from caviar.cli.next_steps import at, to_resume
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


def test_an_address_without_a_password_is_as_it_is(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    address = f"{BASE}@127.0.0.1:1/db?sslmode=require"
    assert shown_address(address) == address
    assert at(address) == ["--store", address]
    run(["studies", "--store", address])
    monkeypatch.setenv("CAVIAR_STORE", "other.db")
    assert run(["studies"]) == 2
    assert "other.db" in capsys.readouterr().err
