"""`kraken-history ingest` from a web server: the same as from a disk, for the bytes that are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kraken_core.domain.market import INTERVALS
from kraken_core.sources.witnesses import FILES_AN_INTERVAL
from kraken_core.workbench.jobs import disk
from tests.support.command_line import Kraken, asked, refused, tree
from tests.support.layouts import cut
from tests.support.little_market import LittleMarket
from tests.support.web_server import Fault, FileServer, serving

BTC_ONLY = ("--pairs", "BTC/USD", "--intervals", "1,60")


@pytest.fixture
def server(little: LittleMarket, tmp_path: Path) -> Iterator[FileServer]:
    www = tmp_path / "www"
    www.mkdir()
    for place in (little.first, little.second):
        (www / place.name).write_bytes(place.read_bytes())
    cut(www / little.second.name, 3)
    with serving(www) as files:
        yield files


def sources(server: FileServer, little: LittleMarket) -> tuple[str, ...]:
    return server.url(little.first.name), "--csv-source-dir", server.url(f"{little.second.name}.part00")


def ingest(kraken: Kraken, first: str, *words: object, code: int = 0) -> Any:
    return kraken(*asked(Path("-"), *words)[:2], first, *asked(Path("-"), *words)[3:], code=code)


def without_paths(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**file, "path": Path(file["path"]).name.partition(".part")[0]} for file in plan["files"]]


@pytest.mark.parametrize("ranges", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_an_ingest_from_a_web_server_holds_what_a_local_one_does(
    kraken: Kraken, little: LittleMarket, server: FileServer, tmp_path: Path, ranges: bool
) -> None:
    server.ranges = ranges
    done = ingest(kraken, *sources(server, little)).json
    kraken.ingest(little.folder, "--home", tmp_path / "local")
    remote = kraken.state()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KRAKEN_HOME", str(tmp_path / "local"))
        assert Kraken(kraken.capsys, tmp_path / "local").state() == remote
    assert done["files"]["failed"] == 0
    again = ingest(kraken, *sources(server, little)).json
    assert again["files"]["skipped"] == again["files"]["total"] == done["files"]["total"]


def test_only_the_members_that_are_wanted_are_downloaded_and_the_plan_says_how_much(
    kraken: Kraken, little: LittleMarket, server: FileServer
) -> None:
    plan = ingest(kraken, *sources(server, little), *BTC_ONLY, "--dry-run").json
    looked = server.sent
    assert 0 < plan["download_bytes"] < sum(file["bytes"] for file in plan["files"])
    assert len(plan["files"]) == 4
    server.log.clear()
    ingest(kraken, *sources(server, little), *BTC_ONLY)
    whole = sum(path.stat().st_size for path in server.folder.iterdir())
    assert plan["download_bytes"] <= server.sent <= plan["download_bytes"] + looked + 512 * len(server.log) < whole
    server.log.clear()
    plan = ingest(kraken, *sources(server, little), *BTC_ONLY, "--dry-run").json
    assert plan["download_bytes"] == 0


def test_a_dry_run_of_an_archive_that_comes_whole_says_its_size_and_writes_nothing(
    kraken: Kraken, little: LittleMarket, server: FileServer, tmp_path: Path
) -> None:
    server.ranges = False
    before = tree(tmp_path)
    plan = ingest(kraken, server.url(little.first.name), "--dry-run").json
    assert (plan["files"], plan["download_bytes"]) == ([], little.first.stat().st_size)
    shown = kraken(
        "ingest", "--csv-source-dir", server.url(little.first.name), "--tier", "ALL", "--no-api-backfill", "--dry-run"
    ).out
    assert "gives whole files only" in " ".join(shown.split())
    assert tree(tmp_path) == before


def test_an_archive_that_comes_whole_is_refused_where_the_disk_is_too_small_for_it(
    kraken: Kraken, little: LittleMarket, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ranges = False
    monkeypatch.setattr(disk, "free_bytes", lambda _path: disk.RESERVE_BYTES + little.first.stat().st_size - 1)
    said = ingest(kraken, server.url(little.first.name), code=1)
    assert "too little disk for archives that are fetched whole" in said.err
    assert not kraken.home.exists()


def test_a_job_whose_server_goes_away_fails_with_a_line_and_gets_only_the_rest_when_resumed(
    kraken: Kraken, little: LittleMarket, server: FileServer, tmp_path: Path
) -> None:
    url = server.url(little.first.name)
    server.faults = [None] * 40 + [Fault(status=503)] * 1000
    said = ingest(kraken, url, "--workers", "1", code=1)
    assert "its server returned HTTP status 503, 5 times in a row" in said.err
    assert "Resume with: kraken-history ingest --resume 1" in said.err
    done = kraken.rows("jobs")[0]["files"]["ingested"]
    assert done > 0
    server.faults = []
    server.log.clear()
    left = kraken.rows("jobs")[0]["files"]["total"] - done
    ended = kraken("ingest", "--resume", "1", "--yes", "--json").json
    assert ended["status"] == "COMPLETED"
    members = [asked for asked in server.log if asked.range and not asked.range.startswith("bytes=-")]
    assert len(members) <= left + 2 + FILES_AN_INTERVAL * len(INTERVALS), (
        "the directory, a look into some files, what was not ingested"
    )
    kraken.ingest(little.first, "--home", tmp_path / "local")
    remote = kraken.rows("sql", "select * from candles order by all")
    assert kraken.rows("sql", "select * from candles order by all", "--home", tmp_path / "local") == remote


def test_a_folder_on_a_web_server_is_looked_through_for_kraken_s_releases(
    kraken: Kraken, little: LittleMarket, server: FileServer
) -> None:
    (server.folder / little.second.name).write_bytes(little.second.read_bytes())
    later = ("--as-of", "2024-08-01", "--dry-run")
    plan = ingest(kraken, server.url(), *later).json
    assert {file["path"] for file in plan["files"]} == {server.url(little.first.name), server.url(little.second.name)}
    before = ingest(kraken, server.url(), "--dry-run").json
    assert {file["path"] for file in before["files"]} == {server.url(little.first.name)}, "the second is not over yet"
    line = refused(ingest(kraken, server.url("elsewhere/"), code=2))
    assert "none of Kraken's releases" in line


def test_a_wrong_address_is_refused_with_a_line(kraken: Kraken, server: FileServer) -> None:
    for address, why in {
        server.url("nowhere.zip"): "there is nothing at that address",
        "https://me:secret@localhost/a.zip": "without password",
        "ftp://localhost/secret.zip": "name an http or https address",
    }.items():
        line = refused(ingest(kraken, address, code=2))
        assert why in line
        assert "secret" not in line


def test_addresses_may_be_in_the_environment(
    kraken: Kraken, little: LittleMarket, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = server.url(little.first.name), server.url(f"{little.second.name}.part01")
    monkeypatch.setenv("KRAKEN_CSV_SOURCE_DIRS", f"{first}:{little.second}:{second}")
    plan = kraken("ingest", "--tier", "ALL", "--no-api-backfill", "--dry-run", "--json").json
    assert {file["path"] for file in plan["files"]} == {
        first,
        str(little.second),
        server.url(f"{little.second.name}.part00"),
    }
