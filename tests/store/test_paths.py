"""Only what lies in the folder of the store moves with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from caviar.store import Store
from caviar.store.paths import found, kept


@pytest.mark.parametrize(
    ("given", "inside"),
    [("data/x.csv", True), ("./x.csv", True), ("../x.csv", False), ("data/../../x.csv", False), ("/data/x.csv", False)],
)
def test_a_path_moves_with_the_folder_that_it_lies_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, inside: bool
) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "old")
    with Store.open(tmp_path / "old" / "caviar.db") as store:
        record = kept({"table": {"data": str(Path.cwd() / given)}}, store.database)
    with Store.open(tmp_path / "new" / "caviar.db") as store:
        data = Path(found(record, store.database)["table"]["data"])
    assert data.is_relative_to(tmp_path / "new") is inside
    if not inside:
        assert data == Path(tmp_path / "old" / given).resolve()
