"""From a batch of trading-history files to staged candles of all their intervals, as a worker does it.

A file may hold a hundred million trades: it is read in portions and summed up at once, so that what is in memory is its
slots. Volumes stay decimals until then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
import polars as pl

from kraken_core.domain.archives import rank_in
from kraken_core.domain.candles import Source, derived_rank, provisional
from kraken_core.domain.coverage import closed_by, file_covers
from kraken_core.domain.distinctive import distinctive
from kraken_core.domain.errors import BadFileError
from kraken_core.domain.exchange import NS
from kraken_core.domain.kept_trades import archive_rank
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.ohlcvt import Reject
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor
from kraken_core.domain.trade_sections import TradeSections
from kraken_core.domain.trades import TradeCandles, partial
from kraken_core.domain.trading_history import NOT_YET, Portion, parse_trades, portions
from kraken_core.domain.verification.frame import inside
from kraken_core.pipeline.batches import BatchFile, BatchReceipt, FileReceipt, KeptFile, believed, brings, failure
from kraken_core.pipeline.staged_trades import StagedTrades
from kraken_core.ports import CandleSource, Staging, TradeStaging

_MINUTE_S = 60
_PARTS_KEPT = 500_000  # slots' parts that wait to be joined: joining each portion by itself would take its time


def read_trades_batch(
    batch: Sequence[BatchFile],
    source: CandleSource,
    store: Staging,
    known: Mapping[tuple[str, Series], int],
    now: int,
    *,
    trades: TradeStaging | None = None,
) -> BatchReceipt:
    """Read, check, sum up and stage a batch. ``known``: the rank at which contents were ingested before.

    Trades of files that are to be kept are staged as well, to ``trades``.

    As for OHLCVT files: one that cannot be read is FAILED, and of a series that has these very bytes already, only the
    claim counts. Rows set aside, and what is odd about a file, are reported with the finest of its series.
    """
    files: list[FileReceipt] = []
    histories: list[_History] = []
    for _, same in groupby(batch, key=lambda item: (item.file.path, item.file.member)):
        items = sorted(same, key=lambda item: item.file.series.interval)
        try:
            kept = StagedTrades(items[0].file.series.pair, trades) if trades and items[0].kept is not None else None
            histories.append(_History(items, source.pieces(items[0].file), now, kept))
        except BadFileError as error:
            files += [failure(item, error) for item in items]
    staged = []
    for interval in INTERVALS:
        frames = []
        for history in histories:
            if interval in history.items:
                candles, receipt = history.give(interval, known, now)
                files.append(receipt)
                frames += [candles] if receipt.staged else []
        if frames:
            staged.append(store.stage(pl.concat(frames)))
    return BatchReceipt(tuple(staged), tuple(files), tuple(file for each in histories if (file := each.kept(now))))


class _History:
    """A file, read and summed up; its candles are given one interval after the other. Raises BadFileError."""

    def __init__(
        self, items: Sequence[BatchFile], pieces: Iterable[bytes], now: int, kept: StagedTrades | None = None
    ) -> None:
        self._kept = kept
        self.items = {item.file.series.interval: item for item in items}
        self.rejects: list[Reject] = []
        self._good = 0
        self._sections = TradeSections()
        self._torn = False
        digest = hashlib.sha256()
        made = TradeCandles.empty(items[0].file.series.pair, self.items)
        made = self._summed(made, self._portions(_hashed(pieces, digest), now))
        self.content_hash = digest.hexdigest()
        if not self._good:
            why = f"; line {self.rejects[0].line}: {self.rejects[0].reason}" if self.rejects else ""
            raise BadFileError(f"none of its rows is a trade{why}")
        self.unknown = self._sections.unknown(torn=self._torn)
        self._first_ns, self._last_ns = made.parts.select(pl.min("first"), pl.max("last")).row(0)
        self.statement, self.note = believed(items[0], TimeRange(self._first_ns // NS, self._last_ns // NS + 1))
        self._candles = made.each()

    def give(
        self, interval: int, known: Mapping[tuple[str, Series], int], now: int
    ) -> tuple[pl.DataFrame, FileReceipt]:
        """The candles of the next interval, and what became of that series."""
        item = self.items[interval]
        series = item.file.series
        claims = self._claims(item, series, now)
        _, candles = next(self._candles)
        times = candles["time"].to_physical().to_numpy() // 1_000_000
        closed = int(np.searchsorted(times, floor(now, series.width)))
        candles, times = candles[:closed], times[:closed]
        rank = rank_in(item.vintage, Source.TRADES, self.content_hash)
        is_claimed = inside(times, claims)
        candles = candles.with_columns(rank=pl.Series(np.where(is_claimed, rank, provisional(rank)), dtype=pl.Int64))
        settled_rank = derived_rank(rank) | bool(is_claimed.all() and claims)
        known_rank = known.get((self.content_hash, series)) or None
        finest = item is next(iter(self.items.values()))
        rejects, note = (tuple(self.rejects), self.note) if finest else ((), "")
        record = replace(
            item.record.mark_read(known=known_rank is not None),
            content_hash=self.content_hash,
            rank=settled_rank,
            first=int(times[0]) if closed else None,
            last=int(times[-1]) if closed else None,
            records=closed + len(rejects),
            records_rejected=len(rejects),
        )
        staged = closed > 0 and brings(known_rank, settled_rank)
        too_new = any(reject.reason == NOT_YET for reject in self.rejects) or self._stated_beyond(item, now)
        given = rejects if known_rank is None else ()
        receipt = FileReceipt(record, claims, given, staged, Source.TRADES, note, unfinished=too_new)
        return candles, receipt._replace(distinctive=distinctive(candles))

    def _stated_beyond(self, item: BatchFile, now: int) -> bool:
        """Whether the archive states slots that have not closed."""
        return item.statement.end is not None and item.statement.end > now

    def kept(self, now: int) -> KeptFile | None:
        """The file's trades, staged; None where they are not wanted, or are kept already. Claims are of minutes."""
        item = next(iter(self.items.values()))
        if self._kept is None or self.content_hash in (item.kept or ()):
            return None
        pair = item.file.series.pair
        rank = archive_rank(rank_in(item.vintage, Source.TRADES, self.content_hash))
        claims = self._claims(item, Series(pair, 1), now)
        return KeptFile(pair, self.content_hash, rank, claims, self._kept.finish())

    def _claims(self, item: BatchFile, series: Series, now: int) -> TimeRanges:
        """What the file covers: what was traded in its first trade's slot before that trade is unknown."""
        first, last = -(-self._first_ns // NS), self._last_ns // NS
        end = self.statement.end
        whole = end is None or last >= floor(end, _MINUTE_S) - _MINUTE_S  # else its last trades may be missing
        covers = file_covers(series, self.statement, first, floor(last, series.width), finest=whole)
        refuted = item.refuted.get(self.content_hash, TimeRanges())
        return closed_by(covers, series.width, now) - self.unknown.outer(series.width) - refuted

    def _summed(self, made: TradeCandles, read: Iterable[Portion]) -> TradeCandles:
        parts: list[pl.DataFrame] = []
        for portion in read:
            parts.append(partial(portion.trades, made.finest))
            if self._kept:
                self._kept.add(portion.trades)
            if sum(part.height for part in parts) > max(_PARTS_KEPT, made.parts.height):
                made, parts = made.join(*parts), []
        return made.join(*parts)

    def _portions(self, pieces: Iterable[bytes], now: int) -> Iterator[Portion]:
        line = 1
        for text in portions(pieces):
            portion = parse_trades(text, line, now)
            line += portion.lines
            self.rejects += [reject for reject, _ in portion.bad]
            self._sections.add(portion)
            self._torn = bool(text.rpartition(b"\n")[2].strip())
            self._good += portion.trades.height
            if not self._good:
                break  # nothing in so many rows: it is something else
            yield portion


def _hashed(pieces: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece
