"""Releases on a web server that lists nothing: found by their likely names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from kraken_core.domain.errors import SourceError
from kraken_core.domain.timerange import day_start
from kraken_core.sources.archive import ArchiveSource
from kraken_core.sources.releases import published
from kraken_core.sources.remote_archives import Remote
from tests.support.layouts import CONTENT, cut, write_zip
from tests.support.web_server import FileServer, serving

AS_OF = day_start(date(2026, 8, 20))
QUARTERS = [(2025, 4), (2026, 1), (2026, 2), (2026, 3)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    folder = tmp_path / "marketing"
    write_zip(folder / "Kraken_OHLCVT_Q1_2026.zip")
    write_zip(folder / "Kraken_OHLCVT_2026Q2.zip")
    cut(write_zip(folder / "Kraken_OHLCVT_Full_2026Q2.zip"), 5)
    write_zip(folder / "Kraken_OHLCVT_2026Q3.zip")
    with serving(tmp_path) as files:
        yield files


def names(server: FileServer, quarters: list[tuple[int, int]], as_of: int = AS_OF) -> list[str]:
    urls = published(Remote(), server.url("marketing/"), quarters, as_of)
    return [url.removeprefix(server.url("marketing/")) for url in urls]


def test_quarters_are_found_by_either_pattern_and_the_full_release_stands_in_for_the_rest(server: FileServer) -> None:
    assert names(server, QUARTERS) == [
        "Kraken_OHLCVT_2026Q2.zip",
        "Kraken_OHLCVT_Q1_2026.zip",
        "Kraken_OHLCVT_Full_2026Q2.zip.part00",
    ]


def test_the_full_release_is_not_looked_for_where_quarters_suffice(server: FileServer) -> None:
    assert names(server, [(2026, 2)]) == ["Kraken_OHLCVT_2026Q2.zip"]
    assert len(server.log) == 1
    assert server.sent <= 256


def test_a_quarter_that_is_not_over_is_not_asked_for(server: FileServer) -> None:
    assert names(server, [(2026, 3)]) == []
    assert server.log == []


def test_an_older_full_release_is_found_where_the_newest_is_not_published_yet(server: FileServer) -> None:
    assert names(server, [(2026, 3)], day_start(date(2026, 10, 1))) == ["Kraken_OHLCVT_2026Q3.zip"]
    assert names(server, [(2019, 1)], day_start(date(2026, 10, 1))) == ["Kraken_OHLCVT_Full_2026Q2.zip.part00"]


@pytest.mark.parametrize("missing", [403, 404])
def test_where_nothing_is_published_nothing_is_found(server: FileServer, missing: int) -> None:
    server.missing = missing
    assert published(Remote(), server.url("elsewhere/"), QUARTERS, AS_OF) == []
    assert len(server.log) < 20


def test_what_is_found_is_a_source(server: FileServer) -> None:
    remote = Remote()
    urls = published(remote, server.url("marketing"), QUARTERS, AS_OF)
    archives = ArchiveSource.open(urls, remote=remote).archives()
    assert [len(archive.files) for archive in archives] == [len(CONTENT)] * 3
    assert [archive.path for archive in archives] == urls


def test_an_address_that_is_none_is_refused(server: FileServer) -> None:
    with pytest.raises(SourceError):
        published(Remote(), "https://me:secret@127.0.0.1/marketing/", QUARTERS, AS_OF)
