"""What a file's rows leave of the dates its archive states, and which bytes are staged again (rules 4 to 6)."""

from __future__ import annotations

import pytest

from kraken_core.domain.archives import ArchiveFile
from kraken_core.domain.candles import Vintage
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.jobs import FileIngestionRecord
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.pipeline.batches import BatchFile, believed, brings

HOUR, DAY = 3600, 86_400
START = 1_767_225_600  # 2026-01-01
STATED = ArchiveStatement(START, START + 90 * DAY)


def item(statement: ArchiveStatement = STATED, interval: int = 60) -> BatchFile:
    series = Series(Pair("BTC", "USD"), interval)
    file = ArchiveFile("Kraken_OHLCVT_Q1_2026.zip", series.file_name, series, 100, "stamp")
    record = FileIngestionRecord(file.path, file.member, file.stamp, file.size, series)
    return BatchFile(file, record, statement, Vintage(), finest=True)


def test_rows_inside_of_the_stated_dates_leave_them_be() -> None:
    assert believed(item(), TimeRange(START, START + 90 * DAY)) == (STATED, "")


@pytest.mark.parametrize(
    ("rows", "odd"),
    [
        (TimeRange(START - HOUR, START + DAY), "2025-12-31T23:00:00Z"),
        (TimeRange(START, START + 90 * DAY + HOUR), "2026-04-01T00:59:59Z"),
    ],
)
def test_rows_outside_of_the_stated_dates_void_them_with_a_note(rows: TimeRange, odd: str) -> None:
    statement, note = believed(item(), rows)
    assert statement == ArchiveStatement()
    assert note == (
        f"XBTUSD_60.csv in Kraken_OHLCVT_Q1_2026.zip has a row of {odd}, outside of the dates its archive states: "
        "those do not count for it"
    )


def test_a_first_slot_that_holds_the_start_is_not_outside_of_it() -> None:
    """Where the rows of an archive begin late, its finest ones say from when on it speaks: inside of coarse slots."""
    late = ArchiveStatement(START + 5 * DAY + 240, STATED.end)
    rows = TimeRange(START + 5 * DAY, START + 80 * DAY)
    assert believed(item(late), rows) == (late, "")
    assert believed(item(late, interval=1), rows)[0] == ArchiveStatement()


@pytest.mark.parametrize(
    ("held", "standing", "expected"),
    [(None, 8, True), (8, 9, True), (8, 16, True), (9, 9, False), (17, 9, False), (17, 8, False), (16, 9, True)],
)
def test_bytes_are_staged_again_where_their_rows_rise_or_settle(
    held: int | None, standing: int, *, expected: bool
) -> None:
    assert brings(held, standing) is expected
