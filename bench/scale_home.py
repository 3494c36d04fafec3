"""A home as large as Kraken's whole history: python -m bench.scale_home HOME [--pairs 1500] [--years 4].

1,500 pairs at eight intervals are 12,000 series, with 100,000 gaps and 50 million candles: all minutes of four years of
the first twelve pairs, a sample of the others'. It is written straight through the candle table and the ledger, as
jobs write it, from claims to coverage and gaps; only no archive is read. Of more years the earlier ones of those twelve
pairs are sampled as well.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kraken_core.domain.candles import SCHEMA, Source, Vintage, rank_of
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.gaps import IntegratedGapDetector
from kraken_core.domain.jobs import FileIngestionRecord, FileStatus, IngestionJob, JobMetrics
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.request import Request
from kraken_core.domain.scope import Detection
from kraken_core.domain.tiers import ALL
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.workbench import Workbench

DAY_S = 86_400
AS_OF = 1_767_225_600  # 2026-01-01
YEARS = 4
PAIRS = 1_500
BUSY_OF = 125  # one pair of so many trades every minute
A_FEW = 1_700  # candles a series of the others has at most
HOLES = (8, 9, 8)  # of a series, in turns
ROWS_A_FILE = 1_500_000
EUROPEAN = 3  # every so manieth pair trades in euros
WELL_KNOWN = (
    "BTC",
    "ETH",
    "SOL",
    "XRP",
    "ADA",
    "DOGE",
    "LTC",
    "DOT",
    "UNI",
    "XLM",
    "ALGO",
    "AAVE",
    "CRV",
    "BAT",
    "ENJ",
)


class Standstill:
    """A clock that stands."""

    def now(self) -> int:
        """Always the same."""
        return AS_OF


def write(home: Path, pairs: int = PAIRS, years: int = YEARS) -> None:
    """Make the home; nothing may be there yet."""
    hull = _last(years)
    write_known(home, {series: _known(series, hull) for series in _series(pairs)}, hull, WELL_KNOWN[: pairs // BUSY_OF])


def write_known(home: Path, known: dict[Series, TimeRanges], hull: TimeRange, busy: Collection[str] = ()) -> None:
    """A home in which just this is covered of the hull; the busy pairs have a candle in each slot of four years."""
    intervals = sorted({series.interval for series in known})
    with Workbench.open(home) as workbench:
        workbench.clock = Standstill()  # type: ignore[assignment]
        workbench.create_home()
        for interval in intervals:
            some = {series: ranges for series, ranges in known.items() if series.interval == interval}
            staged = [workbench.store.stage(frame) for frame in _frames(some, hull, busy)]
            workbench.store.commit(staged)
        job = _ingested(workbench, known, hull)
        tracker = CoverageTracker(workbench.store, workbench.ledger, workbench.tiers, AS_OF)
        knowledge = tracker.update_coverage_after_ingestion(sorted({series.pair for series in known}))
        wanted = knowledge.wanted(knowledge.lives, intervals, hull)
        derivable = knowledge.derivation_work(wanted).spans
        found = IntegratedGapDetector(AS_OF).detect_gaps_for_job(wanted, knowledge.covered(), derivable)
        detections = {series: Detection(ranges.hull, AS_OF) for series, ranges in wanted.items()}
        workbench.ledger.record_gaps(detections, found.gaps, [])
        workbench.ledger.move(job, job.mark_completed())


def _series(pairs: int) -> list[Series]:
    bases = [*WELL_KNOWN, *(f"A{number:04}" for number in range(pairs))][:pairs]
    quotes = ["EUR" if number % EUROPEAN == EUROPEAN - 1 else "USD" for number in range(pairs)]
    return [Series(Pair(*names), i) for names in sorted(zip(bases, quotes, strict=True)) for i in INTERVALS]


def _last(years: int) -> TimeRange:
    return TimeRange(AS_OF - years * 365 * DAY_S, AS_OF)


def _known(series: Series, hull: TimeRange) -> TimeRanges:
    """What is covered of a series: all but some holes of one to thirty days."""
    chance = random.Random(str(series))
    days = (hull.end - hull.start) // DAY_S
    apart = days // max(HOLES)
    many = HOLES[chance.randrange(len(HOLES))]
    starts = [hull.start + (at * apart + chance.randrange(1, apart - 31)) * DAY_S for at in range(many)]
    return TimeRanges.single(*hull) - TimeRanges.of((at, at + chance.randrange(1, 31) * DAY_S) for at in starts)


def _frames(covered: dict[Series, TimeRanges], hull: TimeRange, busy: Collection[str]) -> Iterator[pl.DataFrame]:
    """The candles of one interval, in files as jobs write them."""
    frames: list[pl.DataFrame] = []
    for number, (series, known) in enumerate(covered.items()):
        frames.append(_candles(series, known, hull, busy=series.pair.base in busy))
        if sum(frame.height for frame in frames) >= ROWS_A_FILE or number == len(covered) - 1:
            yield pl.concat(frames)
            frames = []


def _candles(series: Series, known: TimeRanges, hull: TimeRange, *, busy: bool) -> pl.DataFrame:
    step = max(1, (hull.end - hull.start) // series.width // A_FEW)
    times = np.arange(hull.start, hull.end, step * series.width, dtype=np.int64)
    if busy:
        every = np.arange(_last(YEARS).start, hull.end, series.width, dtype=np.int64)
        times = np.concatenate([times[times < every[0]], every])
    times = times[np.searchsorted(np.array(known.bounds), times, side="right") % 2 == 1]
    close = _walk(series, len(times))
    opens = np.concatenate([close[:1], close[:-1]])
    return pl.DataFrame(
        {
            "pair": pl.repeat(str(series.pair), len(times), eager=True),
            "interval_minutes": pl.repeat(series.interval, len(times), eager=True),
            "time": times * 1_000_000,
            "open": opens,
            "high": np.maximum(opens, close) * 1.001,
            "low": np.minimum(opens, close) * 0.999,
            "close": close,
            "volume": np.abs(close - opens) + 1,
            "trades": pl.repeat(7, len(times), eager=True),
            "source": pl.repeat("csv", len(times), eager=True),
            "rank": pl.repeat(rank_of(Source.CSV), len(times), eager=True),
        }
    ).cast(SCHEMA)  # type: ignore[arg-type]


def _walk(series: Series, many: int) -> NDArray[np.float64]:
    steps = np.random.default_rng(series.interval).standard_normal(many)
    walk: NDArray[np.float64] = np.round(np.exp(np.cumsum(steps) * 0.001 * series.interval**0.5) * 100, 2)
    return np.clip(walk, 0.01, 1e9)


def _ingested(workbench: Workbench, covered: dict[Series, TimeRanges], hull: TimeRange) -> IngestionJob:
    """The job that is said to have brought it, with a file and its claims for each series."""
    files = [FileIngestionRecord("/archives/Kraken_OHLCVT.zip", s.file_name, "0", 1_000_000, s) for s in covered]
    ledger, metrics = workbench.ledger, JobMetrics(total_files=len(files), files_ingested=len(files))
    request = Request(tiers=(ALL,), intervals=INTERVALS, sources=("/archives/Kraken_OHLCVT.zip",))
    job = ledger.create_job(request, AS_OF, files, JobMetrics(total_files=len(files)))
    job = ledger.move(job, job.mark_running("bench"))
    rank = rank_of(Source.CSV, Vintage())
    read = [
        replace(
            file,
            status=FileStatus.COMPLETED,
            rank=rank,
            content_hash=f"{number:064x}",
            first=hull.start,
            last=hull.end - file.series.width,
        )
        for number, file in enumerate(ledger.pending_files(job.id))
    ]
    claims = [
        Assertion(file.series, *known, Source.CSV, rank, file.content_hash)
        for file in read
        for known in covered[file.series]
    ]
    ledger.record_files(job.id, read, [], {}, metrics)
    ledger.claim(claims)
    return ledger.job(job.id)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--years", type=int, default=YEARS)
    args = parser.parse_args()
    write(args.home, args.pairs, args.years)


if __name__ == "__main__":
    main()
