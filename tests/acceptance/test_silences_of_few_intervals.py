"""An implausible silence is doubted whichever intervals of the archives are ingested (domain rules 12, 14, 15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges, day_start
from tests.support.command_line import Kraken
from tests.support.helping import in_soak
from tests.support.layouts import manifest, write_zip

DAYS = 4  # of each archive
BEFORE, SILENT, AFTER = (date(2026, 4, 1) + timedelta(DAYS * number) for number in range(3))
END = AFTER + timedelta(DAYS - 1)
ETH = Pair("ETH", "USD")
SILENCE = TimeRanges.single(day_start(SILENT), day_start(AFTER))


def trading_each_minute(first: date, interval: int) -> bytes:
    """Candles of an archive's days, with a trade a minute."""
    start, end = day_start(first), day_start(first) + DAYS * 86_400
    rows = (f"{at},100,101,99,100.5,{interval},{interval}\n" for at in range(start, end, interval * 60))
    return "".join(rows).encode()


def archive(folder: Path, first: date, files: Mapping[str, bytes]) -> Path:
    """A complete archive that states its days."""
    coverage = {"start": f"{first}", "end": f"{first + timedelta(DAYS - 1)}"}
    stated = manifest(coverage=coverage, files=len(files), generated=f"{END}", release=f"{first}")
    return write_zip(folder / f"{first}.zip", {**files, "MANIFEST.json": stated})


def of_pair(altname: str, first: date) -> dict[str, bytes]:
    return {f"{altname}_{interval}.csv": trading_each_minute(first, interval) for interval in INTERVALS}


def archives(folder: Path, trading: Sequence[date]) -> Path:
    """One of them has no file of ETH/USD; it trades in the others, which begin then."""
    archive(folder, SILENT, {"XBTUSD_60.csv": trading_each_minute(SILENT, 60)})
    for first in trading:
        archive(folder, first, {"XBTUSD_60.csv": trading_each_minute(first, 60), **of_pair("ETHUSD", first)})
    return folder


def ingested(kraken: Kraken, source: Path, *intervals: int) -> None:
    asked = ("--intervals", ",".join(map(str, intervals)), "--start-date", BEFORE, "--end-date", END)
    words = ("--pairs", "ETH/USD", "--no-api-backfill", "--as-of", END + timedelta(1), "--yes", "--json")
    kraken("ingest", "--csv-source-dir", source, *asked, *words)


def claimed(bench: Workbench, interval: int) -> tuple[TimeRanges, TimeRanges]:
    """The slots of the silence that are covered, and those among them that are doubtful."""
    of_interval = bench.ledger.coverage([Series(ETH, interval)])
    doubtful = (each for each in of_interval if each.grade is Grade.DOUBTFUL)
    return (
        TimeRanges.of((each.start, each.end) for each in of_interval) & SILENCE,
        TimeRanges.of((each.start, each.end) for each in doubtful) & SILENCE,
    )


@pytest.mark.parametrize("trading", [(BEFORE,), (BEFORE, AFTER)], ids=["before", "before and after"])
@pytest.mark.parametrize(
    "intervals",
    [(60,), (5, 60), (60, 1440), *in_soak(*(((each,),) for each in INTERVALS), ((1, 60),), ((15, 240, 720),))],
)
def test_a_silence_where_trades_were_to_be_expected_is_doubtful_at_every_interval(
    kraken: Kraken, tmp_path: Path, intervals: tuple[int, ...], trading: Sequence[date]
) -> None:
    ingested(kraken, archives(tmp_path / "archives", trading), *intervals)
    with Workbench.open(kraken.home) as bench:
        doubted = TimeRanges()
        for interval in intervals:
            covered, doubtful = claimed(bench, interval)
            assert covered
            assert covered == doubtful
            doubted |= doubtful
        for interval in INTERVALS:  # those too of which nothing was read: the archive covers all of them
            covered, doubtful = claimed(bench, interval)
            assert covered & doubted.inner(interval * 60) == doubtful
    chosen = ("--pairs", "ETH/USD", "--start-date", SILENT, "--end-date", AFTER - timedelta(2))
    for interval in intervals:
        kraken("report", *chosen, "--intervals", interval, "--require-complete", code=4)
    listed = kraken.rows("silences", "--pairs", "ETH/USD", "--intervals", intervals[0])
    assert [each["kind"] for each in listed] == ["suspicious"]
    verified = kraken("verify", "--json").json
    [suspicious] = (check for check in verified["checks"] if check["name"] == "suspicious")
    assert any("ETH/USD" in example for example in suspicious["examples"])
    assert kraken("verify", "--json").json["ok"]
