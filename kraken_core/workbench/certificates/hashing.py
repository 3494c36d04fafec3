"""The months of a candle table, hashed: those that changed are read, a few series at once, and all others known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

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
from kraken_core.ports import CandleStore, Filed, Progress, Span
from kraken_core.workbench.certificates.month_cache import MonthCache, Part, key_of

CANDLES_AT_ONCE = 2_000_000  # about: bounds the memory of a worker, 100 bytes each
WORKERS = 2  # one reads while the other one hashes; polars reads with all processors anyway
_NO_CANDLES = MonthHash("", 0, "", "")


@dataclass(frozen=True, slots=True)
class Hashing:
    """Hashes what a store holds. ``distrusted`` are files whose bytes are not those that were written."""

    store: CandleStore
    cache: MonthCache
    progress: Progress
    distrusted: frozenset[str] = frozenset()

    def months(self, series: Sequence[Series], span: TimeRange) -> dict[Series, tuple[MonthHash, ...]]:
        """The months of each series within a span, in order; those without candles are left out."""
        files = self.store.files_of(series) if isinstance(self.store, Filed) else {}
        keys = {each: self._keys(each, found, span) for each, found in files.items()}
        known: dict[Part, MonthHash] = {}
        wanted: dict[Series, TimeRanges] = {}
        for each in series:
            if each not in keys:
                wanted[each] = TimeRanges.single(*span)
                continue
            found = {part: self.cache.find(part, key) for part, key in keys[each].items()}
            known |= {part: month for part, month in found.items() if month}
            wanted[each] = TimeRanges.of(part.span for part, month in found.items() if not month)
        read = self._read({each: ranges for each, ranges in wanted.items() if ranges})
        result: dict[Series, tuple[MonthHash, ...]] = {}
        for each in series:
            by_name = {month.month: month for month in read.get(each, ())}
            for part, key in keys.get(each, {}).items():
                name = month_name(month_of(part.span.start))
                if part in known:
                    by_name[name] = known[part]
                elif key:
                    self.cache.add(part, key, by_name.get(name, _NO_CANDLES))
            result[each] = tuple(by_name[name] for name in sorted(by_name) if by_name[name].candles)
        self.cache.save()
        return result

    def _keys(self, series: Series, files: Mapping[str, Span], span: TimeRange) -> dict[Part, str]:
        """The parts of a series in which there may be candles, each with what its files are known by, "" if by none."""
        by_month: dict[int, list[str]] = defaultdict(list)
        for path, (first, last, _) in files.items():
            begin, end = max(first, span.start), min(last + 1, span.end)
            if begin < end:
                for month in range(month_of(begin), month_of(end - 1) + 1):
                    by_month[month].append(path)
        return {
            Part(series, _within(month, span)): key_of(paths) if self.distrusted.isdisjoint(paths) else ""
            for month, paths in by_month.items()
        }

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


def _within(month: int, span: TimeRange) -> TimeRange:
    return TimeRange(max(month_start(month), span.start), min(month_start(month + 1), span.end))


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
