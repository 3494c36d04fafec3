"""What an archive states of itself: by its manifest, else its name, else the user; and how far that is believed."""

import json
from datetime import date
from pathlib import Path

import pytest

from kraken_core.domain.archives import quarter_bounds
from kraken_core.domain.candles import Vintage
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.timerange import day_start
from kraken_core.sources.archive import ArchiveSource
from tests.support.layouts import (
    CONTENT,
    MANIFEST,
    content,
    cut,
    left_out,
    manifest,
    plain_zip,
    the_archive,
    write_files,
    write_zip,
)

SECOND_QUARTER = ArchiveStatement(*quarter_bounds(2026, 2))


def test_a_manifest_states_start_end_and_when_it_was_made_its_last_day_included(tmp_path: Path) -> None:
    archive = the_archive(write_zip(tmp_path / "a.zip", CONTENT | {"MANIFEST.json": manifest()}))
    assert archive.statement == SECOND_QUARTER
    assert archive.vintage == Vintage(SECOND_QUARTER.end, day_start(date(2026, 8, 17)), stated=True)
    assert archive.complete
    assert archive.notes == ()


def test_a_manifest_wins_over_the_name_and_the_name_over_the_users_date(tmp_path: Path) -> None:
    through = date(2025, 12, 31)
    stated = write_zip(tmp_path / "Kraken_OHLCVT_Q1_2026.zip", CONTENT | {"deep/MANIFEST.json": manifest()})
    named = write_zip(tmp_path / "b/Kraken_OHLCVT_Q1_2026.zip", content(2026, 1))
    silent = write_zip(tmp_path / "master_q4.zip", content(2025, 4))
    assert the_archive(stated, through=through).statement == SECOND_QUARTER
    assert the_archive(named, through=through).statement == ArchiveStatement(*quarter_bounds(2026, 1))
    assert the_archive(silent, through=through).statement == ArchiveStatement(None, day_start(date(2026, 1, 1)))
    assert the_archive(silent).statement == ArchiveStatement()


def test_a_full_release_in_parts_states_its_end_the_archive(tmp_path: Path) -> None:
    first, *_ = cut(write_zip(tmp_path / "Kraken_OHLCVT_Full_2026Q2.zip"), 5)
    assert the_archive(first).statement == ArchiveStatement(None, SECOND_QUARTER.end)


def test_an_identity_is_the_releases_whatever_the_archive_is_called(tmp_path: Path) -> None:
    zipped = the_archive(write_zip(tmp_path / "a.zip", CONTENT | {"MANIFEST.json": manifest()}))
    reordered = json.dumps(dict(reversed(MANIFEST.items())), indent=2).encode()
    unpacked = write_files(tmp_path / "b", CONTENT | {"MANIFEST.json": reordered})
    other = the_archive(write_zip(tmp_path / "c.zip", CONTENT | {"MANIFEST.json": manifest(release="r2")}))
    assert zipped.identity == the_archive(unpacked).identity != other.identity
    assert the_archive(plain_zip(tmp_path)).identity == ""


@pytest.mark.parametrize(
    "broken",
    [
        b"{",
        b"[" * 100_000,
        b"null",
        b"[1]",
        b"\xff\xfe",
        manifest(product="trades"),
        manifest(schema_version=2),
        manifest(coverage=None),
        manifest(coverage="2026Q2"),
        manifest(coverage={"start": "2026-04-01"}),
        manifest(coverage={"start": 1, "end": 2}),
        manifest(coverage={"start": "2026-06-30", "end": "2026-04-01"}),
        manifest(coverage={"end": "2026-08-18"}),
        manifest(coverage={"end": "9999-12-31"}, generated=None),
        manifest(coverage={"end": "1969-12-31"}),
        manifest(files="9793"),
        manifest(files=True),
        manifest(generated="soon"),
    ],
    ids=lambda text: text[:60].decode("utf8", "replace"),
)
def test_a_manifest_that_cannot_be_believed_counts_as_none_and_is_noted(tmp_path: Path, broken: bytes) -> None:
    archive = the_archive(write_zip(tmp_path / "Q1_2026.zip", content(2026, 1) | {"MANIFEST.json": broken}))
    assert archive.statement == ArchiveStatement(*quarter_bounds(2026, 1))
    assert (archive.complete, archive.identity, len(archive.files)) == (False, "", len(CONTENT))
    (note,) = archive.notes
    assert "manifest ignored" in note
    assert "\n" not in note


def test_a_huge_manifest_is_not_even_read(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "a", CONTENT | {"MANIFEST.json": manifest() + b" " * (1 << 20)})
    assert "manifest ignored: it has 1,048," in the_archive(folder).notes[0]


def test_each_of_two_manifests_in_one_zip_speaks_of_its_own_folder(tmp_path: Path) -> None:
    files = {f"a/{name}": text for name, text in CONTENT.items()} | {f"{q}/MANIFEST.json": manifest() for q in "ab"}
    place = write_zip(tmp_path / "a.zip", files | content(2020, 1))
    found = {archive.path: archive for archive in ArchiveSource.open([place]).archives()}
    own, stated, bare = (found[f"{place}{inside}"] for inside in ("", "/a", "/b"))
    assert (stated.statement, stated.complete) == (SECOND_QUARTER, True)
    assert (own.statement, len(own.files)) == (ArchiveStatement(), len(CONTENT))
    assert (bare.complete, bare.files) == (False, ())


@pytest.mark.parametrize("files", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_count_that_does_not_match_keeps_the_statement_but_absent_pairs_are_not_silent(
    tmp_path: Path, files: int
) -> None:
    archive = the_archive(write_zip(tmp_path / "a.zip", CONTENT | {"MANIFEST.json": manifest(files=files)}))
    assert (archive.statement, archive.complete) == (SECOND_QUARTER, False)
    assert f"manifest lists {files} files, {len(CONTENT)} found" in archive.notes[0]


@pytest.mark.parametrize("stray", ["BTCUSD_60.csv", "deeper/XBTUSD_60.csv", "xbtusd_60.csv", "XBTUSD_7.csv"])
def test_another_file_of_a_series_does_not_stand_in_for_one_that_is_lost(tmp_path: Path, stray: str) -> None:
    lost = {"XBTUSD_1440.csv"}
    kept = {name: text for name, text in CONTENT.items() if name not in lost} | {stray: CONTENT["XBTUSD_60.csv"]}
    assert len(kept) == len(CONTENT)
    archive = the_archive(write_zip(tmp_path / "a.zip", kept | {"MANIFEST.json": manifest(files=len(CONTENT))}))
    assert not archive.complete


def test_files_of_unknown_pairs_and_other_intervals_count_for_completeness_but_not_strays(tmp_path: Path) -> None:
    others = {"XBTUSD_10080.csv": b"1", "FOOBAR_60.csv": b"1", "XBTUSD.d_60.csv": b"1", "BTCUSD_Daily_OHLC.csv": b"1"}
    text = manifest(files=len(CONTENT) + 3)
    archive = the_archive(write_zip(tmp_path / "a.zip", CONTENT | others | {"MANIFEST.json": text}))
    assert archive.complete
    assert left_out(archive) == {"another interval": 1, "unknown pair": 2, "no file of candles or trades": 1}
    assert "FOOBAR_60.csv, XBTUSD.d_60.csv" in archive.notes[0]


def test_a_coverage_without_a_start_states_the_end_the_archive(tmp_path: Path) -> None:
    text = manifest(coverage={"end": MANIFEST["coverage"]["end"]}, generated=None)
    archive = the_archive(write_zip(tmp_path / "a.zip", CONTENT | {"MANIFEST.json": text}))
    assert archive.statement == ArchiveStatement(None, SECOND_QUARTER.end)
    assert archive.vintage.made is not None, "its members are dated"
