"""The same bytes for the same series are ingested once in a job too, however many files have them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zipfile import ZipFile

import pytest

from kraken_core import Workbench
from kraken_core.domain.jobs import FileIngestionRecord, FileStatus
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start
from kraken_core.pipeline.batches import BatchReceipt, FileReceipt
from kraken_core.pipeline.ingested_contents import IngestedContents
from kraken_core.simulator.archive import trades_text
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.support.closing_trades import trading_to
from tests.support.command_line import Kraken
from tests.support.kept_trades import assert_kept_is_tape, keeping
from tests.support.little_market import BTC_USD

START, END = day_start(date(2024, 3, 30)), day_start(date(2024, 4, 1))
HOUR = 3_600
ETH_60 = Series(Pair("ETH", "USD"), 60)
ALONE = ("--pairs", "ETH/USD", "--start-date", "2024-03-30", "--as-of", "2024-04-10T00:00:00Z")


def hours(first: int, end: int) -> str:
    return "".join(f"{START + hour * HOUR},100,101,99,100.5,1.5,3\n" for hour in range(first, end))


def put(folder: Path, **texts: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def files(home: Path) -> dict[str, FileIngestionRecord]:
    with Workbench.open(home) as workbench:
        return {file.member: file for file in workbench.ledger.files()}


def test_of_two_copies_in_a_folder_one_is_skipped_and_its_rows_are_not_read_twice(
    kraken: Kraken, tmp_path: Path
) -> None:
    source = put(tmp_path / "in", ETHUSD_60=hours(0, 100), XETHZUSD_60=hours(0, 100))
    done = kraken.ingest(source, *ALONE)
    assert done["files"] == {"total": 2, "ingested": 1, "skipped": 1, "failed": 0}
    assert done["records"] == {"read": 100, "new": 100, "changed": 0, "rejected": 0}
    assert sorted(file.records_new for file in files(kraken.home).values()) == [0, 100]


def test_a_copy_in_another_folder_or_archive_is_skipped_likewise(kraken: Kraken, tmp_path: Path) -> None:
    for name in ("x", "y"):
        put(tmp_path / "in" / name, ETHUSD_60=hours(0, 100))
    with ZipFile(tmp_path / "in" / "more.zip", "w") as archive:
        archive.writestr("XETHZUSD_60.csv", hours(0, 100))
    done = kraken.ingest(tmp_path / "in", *ALONE)
    assert (done["files"]["ingested"], done["files"]["skipped"]) == (1, 2)
    assert (done["records"]["read"], done["records"]["new"]) == (100, 100)


def test_no_file_has_more_new_candles_than_rows(kraken: Kraken, tmp_path: Path) -> None:
    put(tmp_path / "in" / "x", ETHUSD_60=hours(0, 100))
    put(tmp_path / "in" / "y", ETHUSD_60=hours(0, 100), XETHZUSD_60=hours(0, 200))
    done = kraken.ingest(tmp_path / "in", *ALONE)
    assert (done["records"]["read"], done["records"]["new"]) == (300, 200)
    found = files(kraken.home)
    assert sum(file.records_new for file in found.values()) == 200
    assert all(file.records_new <= file.records for file in found.values())


def test_the_claim_of_a_copy_counts_where_its_archive_states_more(kraken: Kraken, tmp_path: Path) -> None:
    put(tmp_path / "in" / "x", ETHUSD_60=hours(0, 48))
    put(tmp_path / "in" / "Kraken_Q1_2024", ETHUSD_60=hours(0, 48))
    kraken.ingest(tmp_path / "in", *ALONE)
    with Workbench.open(kraken.home) as workbench:
        ends = {claim.end for claim in workbench.ledger.coverage() if claim.series == ETH_60}
    assert max(ends) == END


def test_trades_that_are_there_twice_are_kept_once(kraken: Kraken, tmp_path: Path) -> None:
    market = trading_to([END], SimulatedMarket.make(11, [Listing(BTC_USD, 2.0, 68_000, 1, 0.05)], START, END))
    with ZipFile(tmp_path / "Kraken_Trading_History_Q1_2024.zip", "w") as archive:
        for name in ("XBTUSD.csv", "XXBTZUSD.csv"):
            archive.writestr(name, trades_text(market.tapes[BTC_USD].between(START, END)))
    keeping(kraken.home)
    done = kraken.ingest(Path(str(archive.filename)), "--start-date", "2024-03-30", "--as-of", "2024-04-01T00:00:00Z")
    assert (done["files"]["ingested"], done["files"]["skipped"]) == (8, 8)
    assert done["records"]["read"] == done["records"]["new"]
    assert_kept_is_tape(kraken.home, market, BTC_USD, START, END)


def receipt(member: str, rank: int, content: str = "a", status: FileStatus = FileStatus.COMPLETED) -> BatchReceipt:
    record = FileIngestionRecord("in", member, "", 1, ETH_60, status, rank, content, START, START, 1)
    return BatchReceipt((), (FileReceipt(record, TimeRanges.of([TimeRange(START, START + HOUR)]), staged=True),))


@pytest.mark.parametrize(("ranks", "staged"), [((8, 6), False), ((8, 8), False), ((6, 8), True), ((8, 7), True)])
def test_of_copies_read_side_by_side_the_first_to_come_back_counts_and_the_other_claims_or_rises(
    ranks: tuple[int, int], *, staged: bool
) -> None:
    contents = IngestedContents.of({})
    [first] = contents.once(receipt("x", ranks[0])).files
    [second] = contents.once(receipt("y", ranks[1])).files
    assert (first.record.status, first.staged, first.repeated) == (FileStatus.COMPLETED, True, False)
    assert (second.record.status, second.staged, second.repeated) == (FileStatus.SKIPPED, staged, True)
    assert second.claims == first.claims


def test_what_failed_or_has_other_bytes_is_no_copy() -> None:
    contents = IngestedContents.of({})
    found = [receipt("x", 0, "", FileStatus.FAILED), receipt("y", 8, "a"), receipt("z", 8, "b")]
    assert not any(contents.once(each).files[0].repeated for each in found)
