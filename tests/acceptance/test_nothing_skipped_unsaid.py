"""Sources as they come: what is not read of them is said, and what can be read is, however it lies there."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from kraken_core.sources import folders, zips
from tests.support.archive_texts import candles, folder, slots, zipped
from tests.support.command_line import Kraken, refused

WINDOW = ("--start-date", "2025-01-01", "--as-of", "2026-02-01T00:00:00Z")
LOOK = ("--tier", "ALL", "--no-api-backfill", "--dry-run", "--as-of", "2026-02-01T00:00:00Z")
HOURS = candles(slots("2025-10-01", "2025-10-05"))
SKIPPED = {
    "named like a copy: rename it to PAIR_MINUTES.csv to have it read": ["XBTUSD_60 (1).csv"],
    "not named PAIR_MINUTES.csv: rename it to have it read": ["XBTUSD-60.csv", "XBTUSD_1h.csv"],
    "packed: unpack it first": ["ETHUSD_60.csv.gz", "all.7z"],
    "unfinished download: get it again": ["Kraken_OHLCVT.zip.crdownload"],
    "empty file": ["ETHUSD.csv"],
    "no file of candles or trades": ["a.txt", "b.txt", "c.txt", "d.txt"],
}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with one good file, a link, and everything in SKIPPED."""
    names = {name: b"" if name == "ETHUSD.csv" else HOURS for found in SKIPPED.values() for name in found}
    place = folder(tmp_path / "mixed", {"XBTUSD_60.csv": HOURS, **names})
    (place / "XBTUSD_1440.csv").symlink_to(place / "XBTUSD_60.csv")
    return place


def test_every_ignored_file_is_counted_by_reason_with_three_examples_wherever_a_plan_or_a_job_is_shown(
    kraken: Kraken, mixed: Path
) -> None:
    reasons = SKIPPED | {"symbolic link": ["XBTUSD_1440.csv"]}
    expected = [
        {"path": str(mixed), "reason": reason, "count": len(names), "examples": names[:3]}
        for reason, names in sorted(reasons.items())
    ]
    assert kraken("ingest", "--csv-source-dir", mixed, *LOOK, "--json").json["ignored"] == expected
    plan = kraken("ingest", "--csv-source-dir", mixed, *LOOK).out
    assert kraken.ingest(mixed, *WINDOW)["ignored"] == expected
    log = (kraken.home / "logs" / "1.log").read_text()
    for reason, names in reasons.items():
        assert f"({reason}): {', '.join(names[:3])}{', …' if len(names) > 3 else ''}\n" in log
        assert reason.split(":")[0] in plan
        assert names[0] in plan


@pytest.mark.parametrize("beside", ["Kraken_OHLCVT.zip.crdownload", "ETHUSD_60.csv.gz", "XBTUSD-60.csv"])
def test_what_lies_beside_archives_and_may_be_candles_is_listed_too(
    kraken: Kraken, tmp_path: Path, beside: str
) -> None:
    zipped(folder(tmp_path / "all", {"README.txt": b"x"}) / "a.zip", {"XBTUSD_60.csv": HOURS})
    archives = tmp_path / "all"
    assert kraken("ingest", "--csv-source-dir", archives, *LOOK, "--json").json["ignored"] == []
    (archives / beside).write_bytes(HOURS)
    ignored = kraken("ingest", "--csv-source-dir", archives, *LOOK, "--json").json["ignored"]
    assert [beside] in [each["examples"] for each in ignored]
    assert all(each["path"] == str(archives) for each in ignored)


def test_names_that_could_steer_a_terminal_are_shown_escaped(kraken: Kraken, tmp_path: Path) -> None:
    place = zipped(tmp_path / "a.zip", {"XBTUSD_60.csv": HOURS, "\x1b]0;owned\x07.txt": b"x"})
    said = kraken("ingest", "--csv-source-dir", place, *LOOK, "--json")
    [ignored] = said.json["ignored"]
    assert ignored["examples"] == [r"\x1b]0;owned\x07.txt"]


def test_a_zip_with_backslashes_in_its_names_means_what_it_would_with_slashes(kraken: Kraken, tmp_path: Path) -> None:
    place = zipped(tmp_path / "a.zip", {"dump\\XBTUSD_60.csv": HOURS, "__MACOSX\\._XBTUSD_60.csv": b"x"})
    [file] = kraken("ingest", "--csv-source-dir", place, *LOOK, "--json").json["files"]
    assert file["member"] == "dump/XBTUSD_60.csv"
    assert kraken.ingest(place, *WINDOW)["records"]["new"] == 96


def test_a_zip_inside_a_zip_is_to_be_unpacked_first(kraken: Kraken, tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"ETHUSD_60.csv": HOURS}).read_bytes()
    place = zipped(tmp_path / "a.zip", {"XBTUSD_60.csv": HOURS, "inner.zip": inner})
    [ignored] = kraken("ingest", "--csv-source-dir", place, *LOOK, "--json").json["ignored"]
    assert (ignored["reason"], ignored["examples"]) == ("packed: unpack it first", ["inner.zip"])


def test_a_member_that_cannot_be_unpacked_here_is_a_failed_file_and_not_passed_over(
    kraken: Kraken, tmp_path: Path
) -> None:
    place = tmp_path / "a.zip"
    with zipfile.ZipFile(place, "w") as out:
        out.writestr("XBTUSD_60.csv", HOURS, zipfile.ZIP_DEFLATED)
        out.writestr("ETHUSD_60.csv", HOURS, zipfile.ZIP_LZMA)
    done = kraken.ingest(place, *WINDOW)
    assert (done["files"]["ingested"], done["files"]["failed"]) == (1, 1)
    said = kraken("jobs", "1").out
    assert "packed with LZMA, which is not read in place" in " ".join(said.split())


def test_a_single_csv_is_a_source(kraken: Kraken, tmp_path: Path) -> None:
    place = folder(tmp_path / "mine", {"XBTUSD_60.csv": HOURS, "ETHUSD_60.csv": HOURS})
    done = kraken.ingest(place / "XBTUSD_60.csv", *WINDOW)
    assert (done["files"]["ingested"], done["records"]["new"]) == (1, 96)
    assert {row["pair"] for row in kraken.rows("coverage")} == {"BTC/USD"}
    both = ("--csv-source-dir", str(place / "ETHUSD_60.csv"))
    assert kraken.ingest(place / "XBTUSD_60.csv", *WINDOW, *both)["files"] == {
        "total": 2,
        "ingested": 1,
        "skipped": 1,
        "failed": 0,
    }


def test_two_archives_with_the_same_name_are_both_read(kraken: Kraken, tmp_path: Path) -> None:
    for number, pair in enumerate(("XBTUSD", "ETHUSD")):
        folder(tmp_path / f"{number}/quarters/dump", {f"{pair}_60.csv": HOURS})
    done = kraken.ingest(tmp_path / "0/quarters/dump", *WINDOW, "--csv-source-dir", tmp_path / "1/quarters/dump")
    assert done["files"]["ingested"] == 2


def test_a_folder_that_may_not_be_read_does_not_stop_the_rest_and_is_named(
    kraken: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder(tmp_path / "all", {"locked/ETHUSD_60.csv": HOURS, "open/XBTUSD_60.csv": HOURS})
    scandir = os.scandir

    def refuse(path: Path) -> object:  # whoever runs the tests may be allowed everything
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    done = kraken.ingest(place, *WINDOW, "--intervals", "1h")
    assert done["files"]["ingested"] == 1
    assert done["notes"] == [f"{place}: 1 folder skipped, no permission to read: locked."]


def test_a_pipe_or_a_device_as_a_source_is_refused_at_once(kraken: Kraken, tmp_path: Path) -> None:
    pipe = tmp_path / "XBTUSD_60.csv"
    os.mkfifo(pipe)
    for place in (pipe, Path("/dev/zero")):
        said = kraken("ingest", "--csv-source-dir", place, *LOOK, code=2)
        assert f"{place}: it is neither a folder nor a regular file" in refused(said)


@pytest.mark.parametrize("bound", ["MAX_FOLDERS", "MAX_ENTRIES"])
def test_a_source_with_more_below_it_than_any_archives_have_is_refused_before_all_of_it_is_walked(
    kraken: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    place = folder(tmp_path / "all", {f"{number}/XBTUSD_60.csv": HOURS for number in range(9)})
    monkeypatch.setattr(folders, bound, 5)
    line = refused(kraken("ingest", "--csv-source-dir", place, *LOOK, code=2))
    assert f"{place}: there are more than" in line
    assert "name the folders with the archives" in line


def test_a_zip_with_a_million_members_is_refused_before_they_are_listed(kraken: Kraken, tmp_path: Path) -> None:
    place, entry = tmp_path / "a.zip", b"PK\3\4" + bytes(26)
    central = b"PK\1\2" + bytes(24) + (13).to_bytes(2, "little") + bytes(16) + b"XBTUSD_60.csv"
    count = 1_000_000
    end = b"PK\5\6" + bytes(4) + b"\xff\xff" * 2 + (len(central) * count).to_bytes(4, "little")
    with place.open("wb") as file:
        file.write(entry)
        file.writelines(central * 10_000 for _ in range(count // 10_000))
        file.write(end + len(entry).to_bytes(4, "little") + bytes(2))
    line = refused(kraken("ingest", "--csv-source-dir", place, *LOOK, code=2))
    assert "its directory claims 59,000,000 bytes, more than that of any archive has" in line


def test_a_zip_with_more_members_than_any_archive_has_is_refused(
    kraken: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = zipped(tmp_path / "a.zip", {f"{number}/XBTUSD_60.csv": HOURS for number in range(9)})
    monkeypatch.setattr(zips, "MOST_MEMBERS", 8)
    line = refused(kraken("ingest", "--csv-source-dir", place, *LOOK, code=2))
    assert "it lists 9 files, as no archive of Kraken's does: unpack what you need" in line


# A tree of quarters


def tree() -> dict[str, bytes]:
    """Two quarters unpacked side by side, and a folder of neither."""
    third = {"XBTUSD_60.csv": slots("2025-07-01", "2025-10-01"), "UNIUSD_60.csv": slots("2025-07-03", "2025-08-01")}
    fourth = {"XBTUSD_60.csv": slots("2025-10-01", "2026-01-01"), "UNIUSD_60.csv": slots("2025-12-01", "2025-12-05")}
    files = {f"Q3_2025/{name}": candles(found) for name, found in third.items()}
    files |= {f"Kraken_OHLCVT_2025Q4/deep/{name}": candles(found) for name, found in fourth.items()}
    return files | {"others/ETHUSD_60.csv": HOURS}


def test_a_zip_of_a_tree_of_quarters_means_what_the_unpacked_tree_means(kraken: Kraken, tmp_path: Path) -> None:
    states = []
    for place in (
        folder(tmp_path / "tree", tree(), dated="2026-01-15"),
        zipped(tmp_path / "tree.zip", tree(), "2026-01-15"),
    ):
        home = tmp_path / f"home of {place.name}"
        kraken.ingest(place, *WINDOW, "--home", home)
        states.append(Kraken(kraken.capsys, home).state())
    unpacked, packed = states
    assert packed == unpacked
    quiet = [row for row in packed["coverage"] if (row["pair"], row["interval"]) == ("UNI/USD", 60)]
    assert quiet[0]["start"][:10] == "2025-07-03"
    assert quiet[-1]["end"][:10] >= "2025-12-31"


def test_each_quarter_in_a_zip_is_an_archive_of_its_own_in_the_plan(kraken: Kraken, tmp_path: Path) -> None:
    place = zipped(tmp_path / "tree.zip", tree())
    plan = kraken("ingest", "--csv-source-dir", place, *LOOK).out
    assert "Kraken_OHLCVT_2025Q4 2025-10-01 to 2026-01-01" in " ".join(plan.replace("│", " ").split())


@pytest.mark.parametrize("around", ["Kraken_OHLCVT_2025Q4.zip", "Kraken_OHLCVT_Full_2025Q4.zip"])
def test_a_folder_that_repeats_the_quarter_of_its_zip_is_no_other_archive(
    kraken: Kraken, tmp_path: Path, around: str
) -> None:
    files = {"2025Q4/XBTUSD_60.csv": candles(slots("2025-10-01", "2026-01-01")), "ETHUSD_60.csv": HOURS}
    plan = kraken(
        "ingest", "--csv-source-dir", zipped(tmp_path / around, files), *LOOK, "--intervals", "1h", "--json"
    ).json
    assert plan["notes"] == []
    assert {file["path"] for file in plan["files"]} == {str(tmp_path / around)}
