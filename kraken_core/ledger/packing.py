"""Very many numbers in few bytes: what is kept for good of every commit, and seldom read."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import TIME
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.revisions import ALL_VISIBLE, SLOT, VISIBLE
from kraken_core.domain.timerange import TimeRanges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_BYTES = 8  # of a number
_MUCH = 1_000_000  # bytes: to make more of them as few as can be would keep a commit waiting
_INTERVALS = 10_000  # more than any interval has minutes
_UNKNOWN = -1  # a count of trades that nobody knows
_SOURCES = "sources"
_FLOATS = tuple(name for name, kind in VISIBLE.items() if kind == pl.Float64)


def pack(columns: Sequence[Ints]) -> bytes:
    """Columns of whole numbers, all of one length. Neighbours are alike, so it is their differences that are packed."""
    steps = np.diff(np.stack(columns), axis=1, prepend=0)
    planes = np.ascontiguousarray(steps).view(np.uint8).reshape(-1, _BYTES).T.tobytes()
    return zlib.compress(planes, 1 if len(planes) > _MUCH else 6)


def unpack(packed: bytes, columns: int) -> Ints:
    """What :func:`pack` was given, a row a column."""
    planes = np.frombuffer(zlib.decompress(packed), dtype=np.uint8).reshape(_BYTES, -1)
    steps = np.ascontiguousarray(planes.T).view(np.int64).reshape(columns, -1)
    return np.cumsum(steps, axis=1, dtype=np.int64)


def pack_ranges(ranges: Mapping[Series, TimeRanges], ids: Mapping[Pair, int]) -> bytes:
    """Ranges by series; ``ids`` are those of the pairs."""
    rows = sorted((s.interval, ids[s.pair], start, end - start) for s, found in ranges.items() for start, end in found)
    return pack(list(np.array(rows, dtype=np.int64).reshape(-1, 4).T))


def unpack_ranges(packed: bytes, names: Mapping[tuple[int, int], Series]) -> dict[Series, TimeRanges]:
    """The ranges of the series that are named by pair id and interval."""
    intervals, pairs, starts, lengths = unpack(packed, 4)
    wanted = _of(names, pairs, intervals)
    found: dict[Series, list[tuple[int, int]]] = {}
    columns = (each[wanted].tolist() for each in (pairs, intervals, starts, starts + lengths))
    for pair_id, interval, start, end in zip(*columns, strict=True):
        found.setdefault(names[pair_id, interval], []).append((start, end))
    return {series: TimeRanges.of(spans) for series, spans in found.items()}


def _of(names: Mapping[tuple[int, int], Series], pairs: Ints, intervals: Ints) -> NDArray[np.bool_]:
    """Which rows are of the series that are named by pair id and interval."""
    return np.isin(pairs * _INTERVALS + intervals, [pair_id * _INTERVALS + interval for pair_id, interval in names])


def pack_sources(sources: Mapping[str, Mapping[Series, TimeRanges]], ids: Mapping[Pair, int]) -> bytes:
    """Ranges by series, by source."""
    packed = [pack_ranges(ranges, ids) for ranges in sources.values()]
    return b"".join([json.dumps([*zip(sources, map(len, packed), strict=True)]).encode(), b"\n", *packed])


def unpack_sources(packed: bytes, names: Mapping[tuple[int, int], Series]) -> dict[str, dict[Series, TimeRanges]]:
    """What :func:`pack_sources` was given, of the series that are named by pair id and interval."""
    header, _, rest = packed.partition(b"\n")
    found = {}
    for source, length in json.loads(header):
        found[source], rest = unpack_ranges(rest[:length], names), rest[length:]
    return {source: ranges for source, ranges in found.items() if ranges}


def pack_candles(candles: pl.DataFrame, ids: Mapping[Pair, int]) -> bytes:
    """Candles (ALL_VISIBLE), to the bit."""
    sources = candles["source"].unique().drop_nulls().sort().to_list()
    pairs = {str(pair): id_ for pair, id_ in ids.items()}
    numbers = candles.select(
        "interval_minutes",
        pl.col("pair").replace_strict(pairs, return_dtype=pl.Int64),
        pl.col("time").to_physical(),
        pl.col("trades").fill_null(_UNKNOWN),
        pl.col("source").replace_strict({name: at for at, name in enumerate(sources)}, return_dtype=pl.Int64),
    )
    columns = [column.cast(pl.Int64).to_numpy() for column in numbers]
    columns += [candles[name].to_numpy().view(np.int64) for name in _FLOATS]
    averaged = candles[VWAP].null_count() < candles.height
    if averaged:
        columns.append(candles[VWAP].fill_null(np.nan).to_numpy().view(np.int64))
    header: object = {_SOURCES: sources, VWAP: True} if averaged else sources
    return json.dumps(header).encode() + b"\n" + pack(columns)


def unpack_candles(packed: bytes, names: Mapping[tuple[int, int], Series]) -> pl.DataFrame:
    """What :func:`pack_candles` was given, sorted by slot, of the series that are named by pair id and interval."""
    text, _, numbers = packed.partition(b"\n")
    header = json.loads(text)
    averaged = isinstance(header, dict)  # else without averages, as all were before there were any
    sources = header[_SOURCES] if averaged else header
    floating = (*_FLOATS, VWAP) if averaged else _FLOATS
    rows = unpack(numbers, 5 + len(floating))
    wanted = _of(names, rows[1], rows[0])
    if not wanted.any():
        return pl.DataFrame(schema=ALL_VISIBLE)
    intervals, pairs, times, trades, source, *floats = np.ascontiguousarray(rows[:, wanted])
    pair_names = {id_: str(series.pair) for (id_, _), series in names.items()}
    counts = pl.Series(trades)
    columns = {
        "pair": pl.Series(pairs).replace_strict(pair_names, return_dtype=pl.String),
        "interval_minutes": pl.Series(intervals).cast(pl.Int32),
        "time": pl.Series(times).cast(TIME),
        **{name: pl.Series(bits.view(np.float64)) for name, bits in zip(floating, floats, strict=True)},
        "trades": counts.set(counts == _UNKNOWN, None).cast(pl.Int32),
        "source": pl.Series(source).replace_strict(dict(enumerate(sources)), return_dtype=pl.String),
    }
    nothing = {} if averaged else {VWAP: pl.Series([None], dtype=pl.Float64).new_from_index(0, len(times))}
    found = pl.DataFrame(columns | nothing).with_columns(pl.col(VWAP).fill_nan(None))
    return found.select(*ALL_VISIBLE).sort(SLOT)
