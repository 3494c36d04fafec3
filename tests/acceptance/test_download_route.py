"""`--download`: what is missing is read out of published archives, and of those only what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import Kraken
from tests.support.little_market import FIRST_DAY, PRESENT, LittleMarket
from tests.support.web_server import FileServer, serving

PAIR = ("--pairs", "BTC/USD")
WHEN = ("--start-date", FIRST_DAY, "--as-of", PRESENT)


@pytest.fixture
def server(little: LittleMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Kraken's place for archives, with the release of the first quarter."""
    www = tmp_path / "www"
    www.mkdir()
    (www / little.first.name).write_bytes(little.first.read_bytes())
    with serving(www) as files:
        monkeypatch.setenv("KRAKEN_ARCHIVES_URL", files.url())
        yield files


@pytest.fixture
def days(kraken: Kraken, little: LittleMarket) -> Kraken:
    """A home that holds the days of the first quarter, and no finer candle."""
    kraken.ingest(little.first, *PAIR, "--intervals", "1440")
    return kraken


def download(kraken: Kraken, *words: object) -> list[str]:
    return ["ingest", *PAIR, *WHEN, "--no-api-backfill", "--download", *map(str, words)]


def test_a_dry_run_says_what_would_be_downloaded_for_which_gap(days: Kraken, server: FileServer) -> None:
    plan = days(*download(days, "--dry-run", "--json")).json

    assert [file["member"] for file in plan["files"]] == ["XBTUSD_1.csv"]
    assert 0 < plan["download_bytes"] < plan["files"][0]["bytes"]
    routes = {gap["interval"]: gap["route"] for gap in plan["gaps"] if gap["start"] < "2024-04-01"}
    assert routes[1] == "download"
    assert {route for interval, route in routes.items() if 1 < interval < 1440} == {"derive"}


def test_only_the_finest_member_that_is_missing_is_read_and_the_others_are_derived(
    days: Kraken, server: FileServer, little: LittleMarket, tmp_path: Path
) -> None:
    done = days(*download(days, "--yes", "--json")).json

    assert done["files"] == {"total": 1, "ingested": 1, "skipped": 0, "failed": 0}
    left = days.rows("gaps")
    assert left
    assert min(gap["start"] for gap in left) >= "2024-03-31"  # in no published quarter, or at the edge of the last one
    whole = tmp_path / "whole"
    days.ingest(little.first, *PAIR, "--home", whole)
    held = days.rows("sql", "select * exclude source from candles order by interval_minutes, time")
    assert held == days.rows(
        "sql", "select * exclude source from candles order by interval_minutes, time", "--home", whole
    )
    server.log.clear()
    again = days(*download(days, "--yes", "--json")).json
    assert (again["files"]["ingested"], again["records"]["new"]) == (0, 0)


def test_a_gap_names_the_route_only_where_it_is_open(days: Kraken, server: FileServer) -> None:
    plan = days("ingest", *PAIR, *WHEN, "--no-api-backfill", "--dry-run", "--json").json
    assert "download" not in {gap["route"] for gap in plan["gaps"]}
    assert server.log == []


def test_published_archives_that_cannot_be_looked_for_are_said_and_done_without(
    days: Kraken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_ARCHIVES_URL", "http://127.0.0.1:9/")
    said = days(*download(days, "--yes"))
    assert "published archives are not read: " in " ".join(said.err.split())
