"""Settings as they are in force, the health of the home, and its tiers."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.shown import plain
from kraken_core import Workbench
from tests.app.conftest import Opened
from tests.app.test_ingest import press

MINE = '[tiers]\nMINE = ["BTC", "ETH"]\n'


def test_what_is_in_force_and_where_it_came_from(home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    (home / "kraken.toml").write_text("workers = 3\n", encoding="utf-8")
    monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "0.5")
    table = opened("settings").table[0].value
    shown = {row["Setting"]: (row["Value"], row["From"]) for row in table.to_dict("records")}
    assert shown["workers"] == ("` 3 `", plain(str(home / "kraken.toml")))
    assert shown[plain("requests_per_second")] == ("` 0.5 `", plain("KRAKEN_REQUESTS_PER_SECOND"))
    assert shown["dask"] == ("–", "default")


def test_what_is_typed_is_shown_as_it_is_whatever_is_in_it(
    home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_CSV_SOURCE_DIRS", "/data/`ls`/[x](http://evil)")
    table = opened("settings").table[0].value
    [value] = [row["Value"] for row in table.to_dict("records") if row["Setting"] == plain("csv_source_dirs")]
    assert value == "`` /data/`ls`/[x](http://evil) ``", "code, which neither ends early nor holds a link"


def test_no_password_is_shown(home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_API_URL", "https://me:s3cret@127.0.0.1:1/")
    page = opened("settings")
    assert "s3cret" not in " ".join(str(each.value) for each in (*page.table, *page.error, *page.warning))


def test_a_wrong_setting_is_one_sentence(home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_WORKERS", "many")
    assert "KRAKEN\\_WORKERS" in opened("overview").error[0].value


def test_tiers_are_saved_once_they_are_right(home: Path, opened: Opened) -> None:
    page = opened("settings")
    page.text_area[0].set_value('[tiers]\nMINE = "BTC"\n').run()
    assert "must be a list" in page.error[-1].value
    assert "Save tiers" not in {each.label for each in page.button}
    press(page.text_area[0].set_value(MINE).run(), "Save tiers")
    with Workbench.open(home) as workbench:
        assert workbench.tiers.names == ("MINE", "TIER4")
    press(opened("settings"), "Back to the defaults")
    with Workbench.open(home) as workbench:
        assert "TIER1" in workbench.tiers.names


def test_tiers_that_somebody_else_saved_meanwhile_are_not_overwritten(home: Path, opened: Opened) -> None:
    page = opened("settings")
    page.text_area[0].set_value(MINE).run()
    home.mkdir()
    (home / "tiers.toml").write_text('[tiers]\nTHEIRS = ["BTC"]\n', encoding="utf-8")
    [save] = [each for each in page.button if each.label == "Save tiers"]
    save.click().run()
    assert "THEIRS" in (home / "tiers.toml").read_text(encoding="utf-8")
