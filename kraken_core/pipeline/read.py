"""From a batch of archive files to staged candles: what a worker does, touching neither ledger nor table.

Members are small and many, so that files of one interval are parsed, checked and written together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from kraken_core.domain.archives import rank_in, require_unchanged
from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import SCHEMA, TIME, Source, derived_rank, provisional
from kraken_core.domain.coverage import closed_by, file_covers
from kraken_core.domain.distinctive import distinctive
from kraken_core.domain.errors import BadFileError
from kraken_core.domain.market import Series
from kraken_core.domain.ohlcvt import COLUMNS, NOT_CLOSED, Parsed, parse_any, parse_clean
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.pipeline.batches import BatchFile, BatchReceipt, FileReceipt, believed, brings, failure
from kraken_core.ports import CandleSource, Staging

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class _Read:
    """A file's text, read and parsed, and the slots it covers."""

    item: BatchFile
    content_hash: str
    parsed: Parsed
    claims: TimeRanges
    unfinished: bool
    note: str = ""

    @classmethod
    def of(cls, item: BatchFile, content_hash: str, parsed: Parsed, now: int) -> _Read:
        series = item.file.series
        note = ""
        if item.file.coverage:
            covers = item.file.coverage.covers.inner(series.width)
        else:
            statement, note = believed(item, TimeRange(parsed.first, parsed.last + series.width))
            covers = file_covers(series, statement, parsed.first, parsed.last, finest=item.finest)
        if parsed.repeated:
            note = "; ".join([*([note] if note else []), _repeats(item, parsed.repeated)])
        unknown = parsed.unknown | item.refuted.get(content_hash, TimeRanges())
        known = closed_by(covers, series.width, now)
        too_new = known != covers or any(reject.reason == NOT_CLOSED for reject in parsed.rejects)
        return cls(item, content_hash, parsed, known - unknown, too_new, note)

    @property
    def settled_rank(self) -> int:
        """The rank of the file's candles, one more where it leaves none of its rows provisional.

        The same bytes are read again when that rises: then their rows have to rise too, in whatever order they came.
        """
        return derived_rank(_rank(self)) | self._settled

    @property
    def _settled(self) -> bool:
        times = self.parsed.candles["time"].to_numpy()
        within = (np.searchsorted(times, known) for known in self.claims)  # the rows of a file are sorted
        return bool(self.claims) and len(times) == sum(int(end - first) for first, end in within)


def read_batch(
    batch: Sequence[BatchFile],
    source: CandleSource,
    store: Staging,
    known: Mapping[tuple[str, Series], int],
    now: int,
) -> BatchReceipt:
    """Read, check and stage a batch. ``known``: the rank at which contents were ingested before.

    A file that cannot be read is FAILED with its reason and leaves the others alone. One whose very bytes are stored
    already is SKIPPED: its claim counts, and its rows are staged again only where they have to rise in rank.
    """
    texts: list[tuple[BatchFile, str, bytes]] = []
    failed: list[FileReceipt] = []
    for item in batch:
        try:
            text = source.read(item.file)
            content_hash = hashlib.sha256(text).hexdigest()
            require_unchanged(item.file, content_hash)
        except BadFileError as error:
            failed.append(failure(item, error))
        else:
            texts.append((item, content_hash, text))
    read, frame = _parse(texts, now, failed)
    known_rank = [known.get((r.content_hash, r.item.file.series)) or None for r in read]
    fresh = [brings(rank, r.settled_rank) for r, rank in zip(read, known_rank, strict=True)]
    candles = _candles(read, fresh, frame)
    staged = (store.stage(candles),) if candles.height else ()
    receipts = (_receipt(r, rank, stage) for r, rank, stage in zip(read, known_rank, fresh, strict=True))
    return BatchReceipt(staged, (*failed, *receipts))


def _parse(
    texts: Sequence[tuple[BatchFile, str, bytes]], now: int, failed: list[FileReceipt]
) -> tuple[list[_Read], pl.DataFrame]:
    """Every text parsed, and the candles of all of them one after the other, as Parsed has them."""
    if not texts:
        return [], pl.DataFrame(schema=COLUMNS)
    interval = texts[0][0].file.series.interval
    if clean := parse_clean([text for _, _, text in texts], interval, now):
        frame, heights = clean
        times = frame["time"].to_numpy()
        ends = np.cumsum(heights)
        read = []
        for (item, content_hash, _), height, end in zip(texts, heights, ends.tolist(), strict=True):
            rows = slice(end - height, end)
            parsed = Parsed(frame[rows], height, int(times[rows][0]), int(times[rows][-1]))
            read.append(_Read.of(item, content_hash, parsed, now))
        return read, frame
    read = []
    for item, content_hash, text in texts:
        try:
            read.append(_Read.of(item, content_hash, parse_any(text, interval, now), now))
        except BadFileError as error:
            failed.append(failure(item, error))
    return read, pl.concat([pl.DataFrame(schema=COLUMNS), *(r.parsed.candles for r in read)], how="diagonal")


def _candles(read: Sequence[_Read], fresh: Sequence[bool], frame: pl.DataFrame) -> pl.DataFrame:
    """The table's rows of the fresh files, sorted by pair and time: FULL_SCHEMA where one of them has a vwap."""
    if not read:
        return pl.DataFrame(schema=SCHEMA)
    heights = [r.parsed.candles.height for r in read]
    names = [str(r.item.file.series.pair) for r in read]
    times = frame["time"].to_numpy()
    ranks = np.empty(frame.height, dtype=np.int64)
    start = 0
    for r, height in zip(read, heights, strict=True):
        slots = slice(start, start + height)
        ranks[slots] = provisional(_rank(r))
        for known in r.claims:
            first, end = np.searchsorted(times[slots], known)  # the rows of a file are sorted
            ranks[start + first : start + end] = _rank(r)
        start += height
    candles = pl.DataFrame(
        [
            pl.Series("pair", names).gather(np.repeat(np.arange(len(names)), heights)),
            pl.Series("interval_minutes", [read[0].item.file.series.interval], pl.Int32).new_from_index(
                0, frame.height
            ),
            (frame["time"] * _MICROSECONDS).cast(TIME),
            *(frame[name] for name in COLUMNS if name != "time"),
            pl.Series("source", [Source.CSV.value]).new_from_index(0, frame.height),
            pl.Series("rank", ranks),
            *([frame[VWAP]] if VWAP in frame.columns else []),
        ]
    )
    return candles if all(fresh) else candles.filter(pl.Series(np.repeat(np.array(fresh), heights)))


def _repeats(item: BatchFile, rows: int) -> str:
    return f"{item.file.member} in {item.file.path} repeats {counted(rows, 'row')}, which count once"


def _rank(read: _Read) -> int:
    return rank_in(read.item.vintage, content_hash=read.content_hash)


def _receipt(read: _Read, known_rank: int | None, staged: bool) -> FileReceipt:  # noqa: FBT001 - kinds of receipt
    parsed = read.parsed
    seen = parsed.seen
    record = replace(
        read.item.record.mark_read(known=known_rank is not None),
        content_hash=read.content_hash,
        rank=read.settled_rank,
        first=seen.start if seen else None,
        last=seen.end if seen else None,
        records=parsed.rows,
        records_rejected=len(parsed.rejects),
    )
    rejects = parsed.rejects if known_rank is None else ()
    return FileReceipt(
        record,
        read.claims,
        rejects,
        staged,
        note=read.note,
        unfinished=read.unfinished,
        distinctive=distinctive(parsed.candles),
        adopted=read.item.file.coverage is not None,
    )
