"""Archives that are wrong, by accident or on purpose: one bad member costs itself, and nothing costs memory."""

import stat
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.archives import Archive, ZipEntry
from kraken_core.domain.errors import BadFileError, SourceError
from kraken_core.sources.archive import ArchiveSource
from kraken_core.sources.split import JoinedFile, LocalPart
from kraken_core.sources.zips import read_member
from tests.support.layouts import CONTENT, content, left_out, manifest, tampered, write_zip

MEMBER = "XBTUSD_60.csv"
REST = CONTENT.keys() - {MEMBER}
HUGE = b"1704067200,42000,42100,41900,42050,1.5,12\n" * 500_000  # 20 MB, packs to 50 kB


@pytest.fixture
def little_memory() -> Iterator[None]:
    """The test may take far less memory than its bomb holds."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(HUGE) // 10


def listed(path: Path) -> tuple[ArchiveSource, Archive]:
    source = ArchiveSource.open([path])
    (archive,) = source.archives()
    return source, archive


def assert_only_that_member_is_bad(path: Path, why: str, advice: str = "get it again") -> None:
    source, archive = listed(path)
    texts = {}
    for file in archive.files:
        if file.member == MEMBER:
            with pytest.raises(BadFileError, match=why) as caught:
                source.read(file)
            with pytest.raises(BadFileError) as in_pieces:
                list(source.pieces(file))
            for told in (str(caught.value), str(in_pieces.value)):
                assert told.startswith(f"{MEMBER} in {path}: ")
                assert told.endswith(f"{advice}.")
        else:
            texts[file.member] = source.read(file)
            assert b"".join(source.pieces(file)) == texts[file.member]
    assert texts == {name: CONTENT[name] for name in REST}


def assert_left_out(path: Path, reason: str) -> None:
    _, archive = listed(path)
    assert left_out(archive) == {reason: 1}
    assert {file.member for file in archive.files} == REST


def with_member(path: Path, text: bytes) -> Path:
    return write_zip(path / "a.zip", CONTENT | {MEMBER: text})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return write_zip(tmp_path / "a.zip")


# A member that lies


def test_a_wrong_checksum_is_a_bad_file(place: Path) -> None:
    assert_only_that_member_is_bad(tampered(place, MEMBER, crc=12345), r"checksum \(CRC32\) is wrong")


def test_a_flipped_bit_is_a_bad_file(tmp_path: Path) -> None:
    place = write_zip(tmp_path / "a.zip", compression=zipfile.ZIP_STORED)
    place.write_bytes(place.read_bytes().replace(b"42100,41900", b"42100,41901", 1))
    assert_only_that_member_is_bad(place, r"checksum \(CRC32\) is wrong")


def test_bytes_that_do_not_inflate_are_a_bad_file(place: Path) -> None:
    start = place.read_bytes().index(MEMBER.encode()) + len(MEMBER)
    data = bytearray(place.read_bytes())
    data[start : start + 20] = b"\xff" * 20
    place.write_bytes(data)
    assert_only_that_member_is_bad(place, "does not inflate")


@pytest.mark.parametrize("off_by", [-1, 1])
def test_another_size_than_declared_is_a_bad_file(place: Path, off_by: int) -> None:
    assert_only_that_member_is_bad(tampered(place, MEMBER, size=len(CONTENT[MEMBER]) + off_by), "its length is not")


def test_a_member_cut_short_is_a_bad_file(place: Path) -> None:
    assert_only_that_member_is_bad(tampered(place, MEMBER, packed=20), "cut short")


@pytest.mark.usefixtures("little_memory")
def test_a_bomb_with_an_honest_size_is_refused_before_it_inflates(tmp_path: Path) -> None:
    assert_only_that_member_is_bad(with_member(tmp_path, HUGE), "21,000,000 bytes packed into")


@pytest.mark.usefixtures("little_memory")
def test_a_bomb_with_a_modest_size_inflates_to_that_size_only(tmp_path: Path) -> None:
    assert_only_that_member_is_bad(
        tampered(with_member(tmp_path, HUGE), MEMBER, size=1000), "length is not the 1,000 bytes"
    )


@pytest.mark.usefixtures("little_memory")
def test_ten_gigabytes_in_a_small_zip_are_refused_unread(place: Path) -> None:
    claimed = tampered(place, MEMBER, size=0xFFFF_FFF0)
    assert_only_that_member_is_bad(claimed, "4,294,967,280 bytes, more than any file of candles has")


def test_a_small_text_that_claims_gigabytes_in_its_zip_is_refused_unread(place: Path) -> None:
    with JoinedFile([LocalPart(place)]) as file, pytest.raises(BadFileError, match="claims 3,221,225,472 bytes"):
        read_member(file, ZipEntry(0, 3 << 30, zipfile.ZIP_DEFLATED, 0), 10)


def test_members_that_share_their_bytes_are_refused(place: Path) -> None:
    for name in CONTENT:
        tampered(place, name, packed=place.stat().st_size - 100, offset=0)
    with pytest.raises(SourceError, match="members overlap"):
        ArchiveSource.open([place]).archives()


# A member that cannot be used


def test_an_encrypted_member_fails_as_a_file_and_says_what_to_do(place: Path) -> None:
    assert_only_that_member_is_bad(tampered(place, MEMBER, flags=1), "it is encrypted", "unpack it first")


@pytest.mark.parametrize(("method", "name"), [(9, "Deflate64"), (12, "bzip2"), (14, "LZMA"), (77, "method 77")])
def test_a_member_packed_in_another_way_fails_as_a_file_and_says_what_to_do(
    place: Path, method: int, name: str
) -> None:
    """It is not passed over: its pair would vanish from the report."""
    assert_only_that_member_is_bad(tampered(place, MEMBER, method=method), f"packed with {name}", "unpack it first")


def test_symbolic_links_are_left_out(place: Path) -> None:
    assert_left_out(tampered(place, MEMBER, mode=stat.S_IFLNK | 0o777), "symbolic link")


def test_what_cannot_be_read_does_not_count_as_there(tmp_path: Path) -> None:
    place = write_zip(tmp_path / "a.zip", CONTENT | {"MANIFEST.json": manifest()})
    assert listed(place)[1].complete
    assert not listed(tampered(place, MEMBER, flags=1))[1].complete


@pytest.mark.parametrize(
    "name",
    [
        "/etc/XBTUSD_60.csv",
        "../XBTUSD_60.csv",
        "a/../../XBTUSD_60.csv",
        "a\\..\\XBTUSD_60.csv",
        "a\nb/XBTUSD_60.csv",
        "\x1b[2J/XBTUSD_60.csv",
    ],
)
def test_unsafe_names_are_left_out(tmp_path: Path, name: str) -> None:
    assert_left_out(write_zip(tmp_path / "a.zip", {n: CONTENT[n] for n in REST} | {name: b"1"}), "unsafe name")


def test_a_name_with_a_nul_is_left_out(place: Path) -> None:
    place.write_bytes(place.read_bytes().replace(MEMBER.encode(), b"XBTUSD_60.csv".replace(b"_6", b"\0_")))
    assert_left_out(place, "unsafe name")


def test_junk_and_strays_are_counted_by_reason(tmp_path: Path) -> None:
    strays = (
        f"XBTUSD_{'1' * 5000}.csv",
        "BTCUSD_Daily_OHLC.csv",
        "XBTUSD_60.csv.bak",
        "XBTUSD.csv",
        "OHLCVT_Full_PARTS_SHA256SUMS.txt",
        "readme.md",
    )
    junk = ("__MACOSX/._XBTUSD_60.csv", "__MACOSX/x/XBTUSD_60.csv", "._XBTUSD_60.csv", "master_q4/.DS_Store")
    intervals = ("XBTUSD_2.csv", "XBTUSD_10080.csv", "XBTUSD_0.csv")
    unknown = ("USD_60.csv", "FOOBAR_60.csv", "XBTUSD.d_60.csv", "ETHUSD.D_1.csv")
    others = dict.fromkeys((*strays, *junk, *intervals, *unknown, "master_q4/"), b"")
    place = write_zip(tmp_path / "a.zip", CONTENT | others)
    _, archive = listed(place)
    assert {file.member for file in archive.files} == CONTENT.keys()
    assert left_out(archive) == {
        "no file of candles or trades": len(strays) - 1,
        "empty file": 1,
        "macOS junk": len(junk),
        "another interval": len(intervals),
        "unknown pair": len(unknown),
        "folder entry": 1,
    }
    assert archive.notes == (
        f"{place}: 4 files skipped, with no known pair in the name: ETHUSD.D_1.csv, FOOBAR_60.csv, USD_60.csv, ….",
    )


def test_of_a_repeated_member_the_last_counts(place: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(place, "a") as archive:
        archive.writestr(MEMBER, b"newer")
    source, found = listed(place)
    assert left_out(found) == {"repeated member": 1}
    assert {f.member: source.read(f) for f in found.files} == CONTENT | {MEMBER: b"newer"}


# The zip itself


@pytest.mark.parametrize("kept", [0, 1, 21, 100, -1, -22])
def test_a_truncated_zip_is_refused(place: Path, kept: int) -> None:
    place.write_bytes(place.read_bytes()[:kept])
    with pytest.raises(SourceError, match="not a whole one"):
        ArchiveSource.open([place]).archives()


FIRST = {"XDGEUR_1.csv": CONTENT["XDGEUR_1.csv"]}
LAST = {name: text for name, text in CONTENT.items() if name not in FIRST}
STUB = b"MZ" + b"\x90" * 5000 + b"PK\3\4\xff\xff\xff\xff" + b"\x90" * 5000  # as a zip that extracts itself begins
UNLISTED = "bytes of files that the zip does not list"


def joined(path: Path, *pieces: bytes) -> Path:
    path.write_bytes(b"".join(pieces))
    return path


def bytes_of(path: Path, files: dict[str, bytes]) -> bytes:
    return write_zip(path / "piece.zip", files).read_bytes()


@pytest.mark.parametrize("before", [b"", STUB], ids=["", "behind a program"])
def test_of_two_zips_that_were_joined_the_last_one_is_read_and_the_other_one_noted(
    tmp_path: Path, before: bytes
) -> None:
    first, last = bytes_of(tmp_path, FIRST), bytes_of(tmp_path, LAST)
    place = joined(tmp_path / "both.zip", before, first, last)
    source, archive = listed(place)
    assert {file.member: source.read(file) for file in archive.files} == LAST
    [note] = archive.notes
    assert note.startswith(f"{place}: {len(first):,} bytes of it are of files that it does not list, and are not read")
    assert archive.ignored[UNLISTED].examples == (f"{len(first):,} bytes",)


def test_a_zip_that_extracts_itself_is_whole(tmp_path: Path) -> None:
    listing = CONTENT | {"MANIFEST.json": manifest()}
    source, archive = listed(joined(tmp_path / "a.zip", STUB, bytes_of(tmp_path, listing)))
    assert {file.member: source.read(file) for file in archive.files} == CONTENT
    assert (archive.complete, archive.notes, left_out(archive)) == (True, (), {})


def test_where_files_lie_that_are_not_listed_an_absent_pair_is_not_silent(tmp_path: Path) -> None:
    """Though the manifest's count fits those that are listed."""
    last = bytes_of(tmp_path, LAST | {"MANIFEST.json": manifest(files=len(LAST))})
    assert listed(joined(tmp_path / "a.zip", last))[1].complete
    assert not listed(joined(tmp_path / "b.zip", bytes_of(tmp_path, FIRST), last))[1].complete


def test_each_tree_of_a_zip_may_lack_what_the_zip_does_not_list(tmp_path: Path) -> None:
    texts = {folder: {**content(2026, 2), "MANIFEST.json": manifest()} for folder in ("a", "b")}
    both = {f"{folder}/{name}": text for folder, files in texts.items() for name, text in files.items()}
    place = joined(tmp_path / "both.zip", bytes_of(tmp_path, FIRST), bytes_of(tmp_path, both))
    found = ArchiveSource.open([place]).archives()
    assert [(archive.path, archive.complete) for archive in found] == [(f"{place}/{f}", False) for f in ("a", "b")]


@pytest.mark.parametrize("lost", ["first", "middle", "last"])
def test_a_member_that_the_directory_lacks_is_noted(tmp_path: Path, lost: str) -> None:
    names = {"first": ["LOST", "A", "B"], "middle": ["A", "LOST", "B"], "last": ["A", "B", "LOST"]}[lost]
    texts = {"LOST": ("XDGEUR_1.csv", CONTENT["XDGEUR_1.csv"]), "A": ("ETHXBT_5.csv", CONTENT["ETHXBT_5.csv"])}
    texts["B"] = (MEMBER, CONTENT[MEMBER])
    place = write_zip(tmp_path / "a.zip", dict(texts[name] for name in names))
    with zipfile.ZipFile(place) as whole:
        entry = whole.getinfo("XDGEUR_1.csv")
    data = place.read_bytes()
    at = data.rindex(b"XDGEUR_1.csv") - 46  # of its entry in the directory
    length = 46 + len("XDGEUR_1.csv")
    end = data.index(b"PK\5\6")
    size, start = (int.from_bytes(data[end + n : end + n + 4], "little") for n in (12, 16))
    tail = data[end : end + 8] + (2).to_bytes(2, "little") * 2 + (size - length).to_bytes(4, "little")
    joined(place, data[:at], data[at + length : end], tail, start.to_bytes(4, "little"), data[end + 20 :])
    _, archive = listed(place)
    assert {file.member for file in archive.files} == {MEMBER, "ETHXBT_5.csv"}
    unlisted = 30 + len("XDGEUR_1.csv") + entry.compress_size
    assert archive.ignored[UNLISTED].examples == (f"{unlisted:,} bytes",)


def test_a_zip_without_members_holds_no_candles(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no candle files"):
        ArchiveSource.open([write_zip(tmp_path / "a.zip", {})]).archives()


@given(damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8))
def test_whatever_bytes_are_damaged_the_errors_are_ours(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[float, int]]
) -> None:
    place = write_zip(tmp_path_factory.mktemp("damaged") / "a.zip", CONTENT | {"MANIFEST.json": manifest()})
    data = bytearray(place.read_bytes())
    for where, byte in damage:
        data[int(where * len(data))] = byte
    place.write_bytes(data)
    try:
        source, archive = listed(place)
    except SourceError:
        return
    for file in archive.files:
        try:
            text = source.read(file)
        except BadFileError:
            continue
        assert text in CONTENT.values()
