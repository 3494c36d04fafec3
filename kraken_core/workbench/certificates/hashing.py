"""The months of a candle table, hashed: those that changed are read, a few series at once, and all others known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from kraken_core.domain.certificates.candle_hashes import (
    HASHED,
    MonthHash,
    month_hashes,
    month_name,
    month_of,
    month_start,
)
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.pipeline.progress import Ticker
from kraken_core.ports import CandleSpan, CandleStore, Filed, Progress
from kraken_core.workbench.certificates.checked_files import CheckedFiles
from kraken_core.workbench.certificates.month_cache import MonthCache, MonthSpan, key_of

CANDLES_AT_ONCE = 2_000_000  # about: bounds the memory of a worker, 100 bytes each
WORKERS = 2  # one reads while the other one hashes; polars reads with all processors anyway
_NO_CANDLES = MonthHash("", 0, "", "")


@dataclass(frozen=True, slots=True)
class Hashing:
    """Hashes what a store contains. ``distrusted`` are files whose bytes are not those that were written.

    Without these, files have to be as they were written: ``checked`` are those that were found to be.
    """

    store: CandleStore
    cache: MonthCache
    progress: Progress
    checked: CheckedFiles | None = None
    distrusted: frozenset[str] = frozenset()

    def months(self, series: Sequence[Series], span: TimeRange) -> dict[Series, tuple[MonthHash, ...]]:
        """The months of each series within a span, in order; those without candles are left out."""
        files: Mapping[Series, Mapping[str, CandleSpan]] = {}
        if isinstance(self.store, Filed):
            files = self.store.files_of(series)
            if self.checked is not None:
                self.checked.require_whole(self.store, {path for of_series in files.values() for path in of_series})
        key_of_files = cache(self._key)
        keys = {each: _by_part(found, span, key_of_files) for each, found in files.items()}
        found = {
            each: {part: self.cache.find(each, part, key) for part, key in parts.items()}
            for each, parts in keys.items()
        }
        wanted = {
            each: TimeRanges.of(part for part, month in found[each].items() if not month)
            if each in found
            else TimeRanges.single(*span)
            for each in series
        }
        read = self._read({each: ranges for each, ranges in wanted.items() if ranges})
        result: dict[Series, tuple[MonthHash, ...]] = {}
        for each in series:
            new = {month.month: month for month in read.get(each, ())}
            months = list(new.values()) if each not in found else []
            for part, month in found.get(each, {}).items():
                now = month or new.get(month_name(month_of(part[0])), _NO_CANDLES)
                months.append(now)
                if not month and keys[each][part]:
                    self.cache.add(each, part, keys[each][part], now)
            result[each] = tuple(sorted(month for month in months if month.candles))
        self.cache.save()
        return result

    def _key(self, paths: tuple[str, ...]) -> str:
        """What files are known by; "" where one of them is not as it was written."""
        return key_of(paths) if self.distrusted.isdisjoint(paths) else ""

    def _read(self, wanted: Mapping[Series, TimeRanges]) -> dict[Series, list[MonthHash]]:
        hulls = {series: TimeRanges.single(*ranges.hull) for series, ranges in wanted.items()}
        counts = {series: found[0] for series, found in self.store.count(hulls).items()}
        ticker = Ticker("certify", sum(counts.values()), self.progress)
        found: dict[Series, list[MonthHash]] = {}
        with ThreadPoolExecutor(WORKERS) as pool:
            batches = list(_batches(wanted, counts))
            for batch, months in zip(batches, pool.map(self._hashed, batches), strict=True):
                candles = sum(counts[series] for series in batch)
                ticker.add(candles, candles, str(next(iter(batch))))
                found |= months
        return found

    def _hashed(self, batch: Mapping[Series, TimeRanges]) -> dict[Series, list[MonthHash]]:
        interval = next(iter(batch)).interval
        return month_hashes(self.store.candles(batch, HASHED), interval)


def _by_part(
    files: Mapping[str, CandleSpan], span: TimeRange, key_of_files: Callable[[tuple[str, ...]], str]
) -> dict[MonthSpan, str]:
    """The months of a series in which there may be candles, each with what its files are known by, "" if by none."""
    by_month: dict[int, list[str]] = defaultdict(list)
    for path, (first, last, _) in sorted(files.items()):
        begin, end = max(first, span.start), min(last + 1, span.end)
        if begin < end:
            for month in range(month_of(begin), month_of(end - 1) + 1):
                by_month[month].append(path)
    return {
        (max(month_start(month), span.start), min(month_start(month + 1), span.end)): key_of_files(tuple(paths))
        for month, paths in by_month.items()
    }


def _batches(
    wanted: Mapping[Series, TimeRanges], counts: Mapping[Series, int]
) -> Iterator[Mapping[Series, TimeRanges]]:
    """Series of one interval, as many as have about CANDLES_AT_ONCE candles; those without any are left out."""
    batch: dict[Series, TimeRanges] = {}
    candles = 0
    for series in sorted(wanted, key=lambda each: (each.interval, each.pair)):
        if not counts[series]:
            continue
        other = batch and next(iter(batch)).interval != series.interval
        if other or (batch and candles + counts[series] > CANDLES_AT_ONCE):
            yield batch
            batch, candles = {}, 0
        batch[series] = wanted[series]
        candles += counts[series]
    if batch:
        yield batch
