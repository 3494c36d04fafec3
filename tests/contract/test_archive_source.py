"""CandleSource over archives: the same files and bytes, however they are laid out, on a disk or on a web server."""

import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kraken_core.domain.archives import quarter_bounds, series_of
from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.errors import BadFileError, SourceError
from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.ports import CandleSource
from kraken_core.sources.archive import ArchiveSource
from tests.support.layouts import (
    CONTENT,
    LAYOUTS,
    ZIPS,
    content,
    flat_folder,
    left_out,
    manifest,
    nested_folder,
    plain_zip,
    split_zip,
    the_archive,
    write_files,
    write_zip,
)
from tests.support.web_server import serving

SECOND_QUARTER = ArchiveStatement(*quarter_bounds(2026, 2))
EXPECTED = {series_of(name): text for name, text in CONTENT.items()}


@pytest.fixture(params=LAYOUTS, ids=lambda layout: layout.__name__)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    layout: Callable[[Path], Path] = request.param
    return layout(tmp_path)


@pytest.fixture(
    params=[*LAYOUTS, *(f"served {layout.__name__}" for layout in ZIPS)], ids=lambda p: getattr(p, "__name__", p)
)
def named(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """A path or an address."""
    if not isinstance(request.param, str):
        yield request.param(tmp_path)
        return
    (layout,) = (layout for layout in ZIPS if request.param.endswith(f" {layout.__name__}"))
    with serving(tmp_path) as server:
        yield server.url(layout(tmp_path))


def everything_in(source: CandleSource) -> dict[object, bytes]:
    return {file.series: source.read(file) for archive in source.archives() for file in archive.files}


# Whatever the layout


def test_every_layout_holds_the_same_files_and_bytes(named: Path | str) -> None:
    source = ArchiveSource.open([named])
    assert everything_in(source) == EXPECTED
    sizes = {file.series: file.size for archive in source.archives() for file in archive.files}
    assert sizes == {series: len(text) for series, text in EXPECTED.items()}


def test_a_file_can_be_read_in_pieces(named: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    piece = max(map(len, EXPECTED.values())) // 3
    monkeypatch.setattr("kraken_core.sources.archive.PIECE_BYTES", piece)
    source = ArchiveSource.open([named])
    most = 0
    for archive in source.archives():
        for file in archive.files:
            pieces = list(source.pieces(file))
            assert b"".join(pieces) == EXPECTED[file.series]
            assert all(len(part) <= piece for part in pieces)
            most = max(most, len(pieces))
    assert most >= 3


def test_reading_changes_nothing_on_disk(named: Path | str, tmp_path: Path) -> None:
    def listing() -> list[tuple[str, int, int]]:
        return sorted((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in tmp_path.rglob("*"))

    before = listing()
    everything_in(ArchiveSource.open([named]))
    assert listing() == before


def known_by(named: Path | str) -> set[tuple[str, str, str]]:
    files = [file for archive in ArchiveSource.open([named]).archives() for file in archive.files]
    return {(file.path, file.member, file.stamp) for file in files}


def test_files_are_recognised_without_being_read(named: Path | str) -> None:
    assert known_by(named) == known_by(named)
    assert len(known_by(named)) == len(CONTENT)


@pytest.mark.parametrize("write", [write_files, write_zip])
def test_a_file_whose_bytes_changed_is_not_recognised(tmp_path: Path, write: Callable[..., Path]) -> None:
    before = known_by(write(tmp_path / "a", CONTENT))
    assert len(before - known_by(write(tmp_path / "a", CONTENT | {"XBTUSD_60.csv": b"changed"}))) >= 1


def test_another_process_can_read_what_this_one_listed(named: Path | str) -> None:
    source = ArchiveSource.open([named])
    files = [file for archive in source.archives() for file in archive.files]
    sent = pickle.dumps((source, files))
    there, theirs = pickle.loads(sent)  # noqa: S301 - our own
    assert {file.series: there.read(file) for file in theirs} == EXPECTED
    assert len(sent) < 400 * (len(files) + 1)


def test_threads_share_a_source(named: Path | str) -> None:
    source = ArchiveSource.open([named])
    files = [file for archive in source.archives() for file in archive.files] * 40
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(source.read, files))
    assert texts == [EXPECTED[file.series] for file in files]


def test_a_path_named_in_several_ways_is_one(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.parent)
    ways: list[str | Path] = [place, str(place), f"./{place.name}", f"../{place.parent.name}/{place.name}"]
    one_by_one = [ArchiveSource.open([way]).archives() for way in ways]
    assert one_by_one == [ArchiveSource.open(ways).archives()] * len(ways)


# What is an archive


def test_a_link_to_an_archive_is_the_same_archive(tmp_path: Path) -> None:
    place = plain_zip(tmp_path)
    link = tmp_path / "link.zip"
    link.symlink_to(place)
    assert len(ArchiveSource.open([place, link]).archives()) == 1


def test_a_zip_named_beside_the_folder_that_holds_it_is_one_archive(tmp_path: Path) -> None:
    place = plain_zip(tmp_path)
    assert the_archive(place, tmp_path) == the_archive(tmp_path)


def test_a_folder_named_beside_the_one_around_it_is_one_archive(tmp_path: Path) -> None:
    place = nested_folder(tmp_path)
    assert the_archive(place / "master_q4", place) == the_archive(place)


def test_any_part_of_a_split_zip_names_it_and_so_does_the_whole_name(tmp_path: Path) -> None:
    first = split_zip(tmp_path)
    for name in ("dump.zip.part00", "dump.zip.part04", "dump.zip"):
        assert the_archive(tmp_path / name).path == str(first)


def test_a_linked_folder_inside_a_folder_is_read_when_it_is_named(tmp_path: Path) -> None:
    outside = flat_folder(tmp_path / "outside")
    folder = write_files(tmp_path / "inside", {"XBTUSD_1.csv": b"1"})
    (folder / "linked").symlink_to(outside)
    assert sorted(len(a.files) for a in ArchiveSource.open([folder, folder / "linked"]).archives()) == [1, len(CONTENT)]


def test_folders_with_a_manifest_or_a_quarter_are_archives_of_their_own(tmp_path: Path) -> None:
    write_files(tmp_path / "mine", {"XBTUSD_1.csv": b"a", "master_q4/deep/XBTUSD_5.csv": b"b"})
    write_files(tmp_path / "mine/Kraken_OHLCVT_Q1_2026/inner", {"XBTUSD_1.csv": content(2026, 1)["XBTUSD_1440.csv"]})
    write_files(
        tmp_path / "mine/master_q4/new",
        {"XBTUSD_1.csv": CONTENT["XBTUSD_1440.csv"], "MANIFEST.json": manifest(files=1)},
    )
    found = {Path(archive.path).name: archive for archive in ArchiveSource.open([tmp_path / "mine"]).archives()}
    assert {name: sorted(file.member for file in archive.files) for name, archive in found.items()} == {
        "mine": ["XBTUSD_1.csv", "master_q4/deep/XBTUSD_5.csv"],
        "Kraken_OHLCVT_Q1_2026": ["inner/XBTUSD_1.csv"],
        "new": ["XBTUSD_1.csv"],
    }
    assert found["mine"].statement == ArchiveStatement()
    assert found["Kraken_OHLCVT_Q1_2026"].statement == ArchiveStatement(*quarter_bounds(2026, 1))
    assert found["new"].statement == SECOND_QUARTER


def test_the_same_series_in_two_folders_of_one_archive_are_two_files(tmp_path: Path) -> None:
    place = write_zip(tmp_path / "a.zip", {"one/XBTUSD_60.csv": b"1", "two/XXBTZUSD_60.csv": b"2"})
    assert [str(file.series) for file in the_archive(place).files] == ["BTC/USD 1h", "BTC/USD 1h"]


def test_members_beyond_four_gigabytes_are_read(tmp_path: Path) -> None:
    place = tmp_path / "full.zip"
    with place.open("wb") as file:
        file.seek(5 << 30)  # a hole: no disk is used
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in CONTENT.items():
                with archive.open(name, "w", force_zip64=True) as member:
                    member.write(text)
    assert everything_in(ArchiveSource.open([place])) == EXPECTED


@pytest.mark.parametrize("write", [write_files, write_zip])
def test_a_file_of_trades_is_told_by_its_name_and_how_it_begins(tmp_path: Path, write: Callable[..., Path]) -> None:
    trades = b"1704067200,42000,1\n"
    files = {"deep/XBTUSD.csv": trades, "XDGEUR.csv": b"time,price,volume\n" + trades, "__MACOSX/._XBTUSD.csv": trades}
    others = {"ADAUSD.csv": b"1704067200,1,1,1,1,2,3\n", "ETHXBT.csv": b"", "README.csv": b"x", "NOQUOTE.csv": trades}
    archive = the_archive(write(tmp_path / "Kraken_Trading_History_Q1_2024.zip", CONTENT | files | others))
    histories = [file for file in archive.files if file.source is Source.TRADES]
    assert {file.member for file in histories} == {"deep/XBTUSD.csv", "XDGEUR.csv"}
    for pair in (Pair("BTC", "USD"), Pair("DOGE", "EUR")):
        assert sorted(f.series.interval for f in histories if f.series.pair == pair) == list(INTERVALS)
    assert left_out(archive) == {
        "macOS junk": 1,
        "no file of candles or trades": 2,
        "empty file": 1,
        "trades of an unknown pair": 1,
    }
    assert "1 file skipped, with no known pair in the name: NOQUOTE.csv" in archive.notes[0]
    assert len(archive.files) - len(histories) == len(CONTENT)


def test_files_of_trades_do_not_count_among_those_of_a_manifest(tmp_path: Path) -> None:
    trades = {"XBTUSD.csv": b"1775001600,42000,1\n", "NOQUOTE.csv": b"1775001600,42000,1\n"}
    archive = the_archive(write_files(tmp_path / "a", CONTENT | trades | {"MANIFEST.json": manifest()}))
    assert archive.complete


def test_on_a_server_a_file_of_trades_is_told_by_its_name_alone(tmp_path: Path) -> None:
    """To look into each of a thousand would be a thousand requests."""
    text = {"XBTUSD.csv": b"1704067200,42000,1\n", "NOQUOTE.csv": b"1,2,3\n"}
    with serving(tmp_path) as server:
        source = ArchiveSource.open([server.url(write_zip(tmp_path / "a.zip", text))])
        [archive] = source.archives()
        assert {file.member for file in archive.files} == {"XBTUSD.csv"}
        assert b"".join(source.pieces(archive.files[0])) == text["XBTUSD.csv"]


# What goes wrong


def test_what_is_no_archive_is_refused_by_name(tmp_path: Path) -> None:
    write_files(tmp_path, {"XBTUSD_60.csv": CONTENT["XBTUSD_60.csv"], "empty/readme.txt": b"", "data.zip": b"no zip"})
    for name, why in {
        "nowhere.zip": "No such file or directory",
        "nowhere/at/all": "No such file or directory",
        "XBTUSD_60.csv/folder": "Not a directory",
        "data.zip": "not a zip",
        "empty": "no candle files",
        "x" * 300: "File name too long",
    }.items():
        with pytest.raises(SourceError, match=why) as caught:
            ArchiveSource.open([tmp_path / name]).archives()
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    first = split_zip(tmp_path)
    first.with_name("dump.zip.part03").unlink()
    with pytest.raises(SourceError, match=r"dump\.zip\.part03 is missing"):
        ArchiveSource.open([first]).archives()
    first.unlink()
    with pytest.raises(SourceError, match=r"dump\.zip\.part00 is missing"):
        ArchiveSource.open([first]).archives()


def test_a_missing_last_part_is_suspected(tmp_path: Path) -> None:
    first = split_zip(tmp_path)
    first.with_name("dump.zip.part06").unlink()
    with pytest.raises(SourceError, match=r"not a whole one.*is dump\.zip\.part05 the last part"):
        ArchiveSource.open([first]).archives()


def test_a_broken_zip_beside_good_ones_is_noted_and_alone_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(plain_zip(tmp_path).read_bytes()[:-30])
    (tmp_path / "late.zip.part01").write_bytes(b"")
    notes = {Path(a.path).name: (len(a.files), a.notes) for a in ArchiveSource.open([tmp_path]).archives()}
    assert notes["dump.zip"] == (len(CONTENT), ())
    assert notes["broken.zip"][0] == notes["late.zip"][0] == 0
    assert "not a whole one" in notes["broken.zip"][1][0]
    assert "late.zip.part00 is missing" in notes["late.zip"][1][0]
    with pytest.raises(SourceError, match="not a whole one"):
        ArchiveSource.open([tmp_path / "broken.zip"]).archives()


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    outside = flat_folder(tmp_path / "outside")
    folder = write_files(tmp_path / "inside", {"XBTUSD_1.csv": b"1"})
    (folder / "XBTUSD_60.csv").symlink_to(outside / "XBTUSD_60.csv")
    (folder / "more").symlink_to(outside)
    (folder / "round").symlink_to(folder)
    archive = the_archive(folder)
    assert [file.member for file in archive.files] == ["XBTUSD_1.csv"]
    assert left_out(archive) == {"symbolic link": 3}


def test_a_pipe_in_a_folder_is_left_alone(tmp_path: Path) -> None:
    folder = flat_folder(tmp_path)
    os.mkfifo(folder / "XBTUSD_5.csv")
    assert left_out(the_archive(folder)) == {"no regular file": 1}


def test_a_file_that_vanished_or_changed_since_it_was_listed_is_a_bad_file(tmp_path: Path) -> None:
    folder = flat_folder(tmp_path)
    source = ArchiveSource.open([folder])
    files = {file.member: file for archive in source.archives() for file in archive.files}
    (folder / "XBTUSD_60.csv").unlink()
    (folder / "ADAUSD_720.csv").write_bytes(b"longer than before" * 10)
    with pytest.raises(BadFileError, match=r"XBTUSD_60\.csv in .*csv: No such file or directory\. .* get it again"):
        source.read(files["XBTUSD_60.csv"])
    for read in (source.read, lambda file: list(source.pieces(file))):
        with pytest.raises(BadFileError, match="changed since it was listed"):
            read(files["ADAUSD_720.csv"])
    assert source.read(files["ETHXBT_5.csv"]) == CONTENT["ETHXBT_5.csv"]


def test_a_file_too_large_to_be_candles_is_a_bad_file_unread(tmp_path: Path) -> None:
    folder = flat_folder(tmp_path)
    os.truncate(folder / "XBTUSD_60.csv", 3 << 30)  # a hole: no disk is used
    source = ArchiveSource.open([folder])
    (large,) = (file for archive in source.archives() for file in archive.files if file.size > 1 << 30)
    with pytest.raises(BadFileError, match="3,221,225,472 bytes, more than any file of candles has"):
        source.read(large)


def test_a_zip_that_vanished_before_another_process_read_it_is_a_bad_file(tmp_path: Path) -> None:
    place = split_zip(tmp_path)
    file = the_archive(place).files[0]
    place.with_name("dump.zip.part02").unlink()
    with pytest.raises(BadFileError, match=r"dump\.zip\.part02 is missing"):
        ArchiveSource.open([place]).read(file)


def test_a_zip_replaced_after_it_was_listed_is_seen_by_the_next_listing(tmp_path: Path) -> None:
    place = plain_zip(tmp_path)
    source = ArchiveSource.open([place])
    everything_in(source)
    write_zip(tmp_path / "new", {"XBTUSD_60.csv": b"new"}).replace(place)
    assert list(everything_in(source).values()) == [b"new"]


def test_a_directory_record_that_points_nowhere_is_a_bad_file(tmp_path: Path) -> None:
    place = plain_zip(tmp_path)
    data = place.read_bytes()
    place.write_bytes(data.replace(struct.pack("<I", 0x04034B50), b"PK\7\7", 1))
    source = ArchiveSource.open([place])
    with pytest.raises(BadFileError, match="not where the directory has it"):
        source.read(source.archives()[0].files[0])
