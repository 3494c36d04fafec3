"""Settings as they are in force, the health of the home, and its tiers."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.settings.expected import DAYS, JOBS, NOT_EXPECTED
from app.shared import formatting
from app.shared.formatting import plain
from kraken_core import Workbench
from kraken_core.settings import Settings
from tests.app.conftest import Opened
from tests.app.test_ingest import press

MINE = '[tiers]\nMINE = ["BTC", "ETH"]\n'


def in_force(page: AppTest) -> dict[str, tuple[str, str]]:
    """Value and origin of each setting: the first rows of the page."""
    names = [setting.setting for setting in Settings.load().shown()]
    rows = zip(names, page.markdown, page.text, page.main.caption, strict=False)
    told = [(name, shown.value, value.value, origin.value) for name, shown, value, origin in rows]
    assert [shown for _, shown, _, _ in told] == [f"**{plain(name)}**" for name in names]
    return {name: (value, origin) for name, _, value, origin in told}


def test_what_is_in_force_and_where_it_came_from(home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    (home / "kraken.toml").write_text("workers = 3\n", encoding="utf-8")
    monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "0.5")
    shown = in_force(opened("settings"))
    assert shown["workers"] == ("3", plain(f"from {home / 'kraken.toml'}"))
    assert shown["requests_per_second"] == ("0.5", plain("from KRAKEN_REQUESTS_PER_SECOND"))
    assert shown["dask"] == ("–", "from default")


def test_what_is_typed_is_shown_as_it_is_whatever_is_in_it(
    home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_CSV_SOURCE_DIRS", "/data/`ls`/[x](http://evil)")
    shown = in_force(opened("settings"))
    assert shown["csv_source_dirs"][0] == "/data/`ls`/[x](http://evil)", "a text, which knows no markup"


def test_no_password_is_shown(home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_API_URL", "https://me:s3cret@127.0.0.1:1/")
    page = opened("settings")
    assert "s3cret" not in " ".join(
        str(each.value) for each in (*page.text, *page.markdown, *page.caption, *page.error, *page.warning)
    )


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


@pytest.mark.parametrize("page", ["settings", "ingest", "overview"])
def test_an_archive_that_is_not_there_is_an_error_on_the_page(
    home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setenv("KRAKEN_CSV_SOURCE_DIRS", str(home / "no-such.zip"))
    shown = opened(page)
    assert any(plain(str(home / "no-such.zip")) in each.value for each in shown.error)


def test_an_archive_that_is_not_there_comes_first_of_what_needs_attention(
    full: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_CSV_SOURCE_DIRS", "/no/such.zip")
    texts = [each.value for each in opened("overview").markdown]
    first = next(text for text in texts if text[0].isalpha() and "*" not in text)
    assert first.startswith(plain("csv_source_dirs names /no/such.zip, which does not exist"))


def test_archives_that_are_there_are_no_error(
    home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("KRAKEN_CSV_SOURCE_DIRS", str(tmp_path / "mine"))
    assert not opened("settings").error


def expected_rows(page: AppTest) -> list[list[str]]:
    [table] = [each.value for each in page.dataframe if "Expected" in each.value.columns]
    rows: list[list[str]] = table.to_numpy().tolist()
    return rows


def test_what_is_expected_is_seen_dropped_and_expected_again(full: Path, opened: Opened) -> None:
    chosen = {"pair": "BTC/USD", "interval": [formatting.interval(60)]}
    page = opened("settings", **chosen)
    assert [row[-1] for row in expected_rows(page)] == [JOBS]
    dropped = press(page, "Stop expecting BTC/USD 1h")
    assert [row[-1] for row in expected_rows(dropped)] == [NOT_EXPECTED]
    with Workbench.open(full) as workbench:
        assert not len(workbench.completeness(pairs=["BTC/USD"], intervals=[60]))
        assert len(workbench.candles("BTC/USD", 60)), "no candle is changed by it"
    restored = press(dropped, "Undo: expect what jobs requested")
    assert expected_rows(restored) == expected_rows(page)


def test_days_are_limited(full: Path, opened: Opened) -> None:
    days = {"from": "2024-03-29", "to": "2024-03-30"}
    page = opened("settings", pair="BTC/USD", interval=[formatting.interval(60)], **days)
    limited = press(page, "Expect these days only")
    assert [row[-3:] for row in expected_rows(limited)] == [["2024-03-29", "2024-03-30", DAYS]]


def test_nothing_is_changed_before_pairs_are_chosen(full: Path, opened: Opened) -> None:
    page = opened("settings")
    changing = [each for each in page.button if each.label.startswith(("Stop expecting", "Expect these", "Undo"))]
    assert [each.disabled for each in changing] == [True] * 3
