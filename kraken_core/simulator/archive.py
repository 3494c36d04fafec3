"""Writes a release as Kraken publishes it: CSV files in a zip, a split zip or a folder."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges, floor
from kraken_core.simulator.candles import candles
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release, ReleaseLayout
from kraken_core.simulator.tape import NS, Tape

PARTS = 3
CHECKSUMS = "OHLCVT_Full_PARTS_SHA256SUMS.txt"
FIELDS = ["timestamp", "open", "high", "low", "close", "volume", "trades"]
APPLE_DOUBLE = bytes.fromhex("0005160700020000") + b"Mac OS X        " + bytes(8)
STRAY = b"unix,date,symbol,open,high,low,close,Volume BTC,Volume USD\n"
PLAIN_FROM = 1e-4  # smaller doubles print in scientific notation: 1.188e-05


def write_release(market: SimulatedMarket, release: Release, directory: Path) -> Path:
    """Write the release into a directory and return its zip, its first part or its folder.

    The same market and release make the same bytes. Raises UsageError for a release that ends after the market.
    """
    if release.end > market.end:
        raise UsageError(f"{release.name} would end after the market does; simulate a longer one.")
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / release.name
    match release.layout:
        case ReleaseLayout.FOLDER:
            path = path.with_suffix("")
            _write_folder(path, _members(market, release))
        case ReleaseLayout.ZIP:
            path.write_bytes(_zipped(_members(market, release)))
        case ReleaseLayout.SPLIT:
            path = _write_parts(path, _zipped(_members(market, release)))
    return path


def csv_text(frame: pl.DataFrame) -> bytes:
    """Candles as in Kraken's files: no header, times in seconds, shortest exact floats, whole volumes as integers."""
    return (
        frame.select(
            pl.col("time").dt.epoch("s"),
            *(_shortest(frame[price]) for price in ("open", "high", "low", "close")),
            _shortest(frame["volume"]).cast(pl.String).str.strip_suffix(".0"),
            "trades",
        )
        .write_csv(include_header=False)
        .encode()
    )


def _shortest(numbers: pl.Series) -> pl.Series:
    """Where polars would print 0.00001188, the text ``1.188e-05`` that Kraken's tools print."""
    values = numbers.to_numpy()
    tiny = np.flatnonzero(values < PLAIN_FROM)
    if not len(tiny):
        return numbers
    return numbers.cast(pl.String).scatter(tiny, [repr(number) for number in values[tiny].tolist()])


def trades_text(tape: Tape) -> bytes:
    """Trades as in Kraken's files: no header, seconds with a fraction where they have one, prices, volumes; no id."""
    times = (f"{seconds}.{rest:09}".rstrip("0").rstrip(".") for seconds, rest in (divmod(t, NS) for t in tape.time_ns))
    rows = zip(times, tape.prices(), tape.volumes(), strict=True)
    return "".join(f"{time},{price},{volume}\n" for time, price, volume in rows).encode()


def _members(market: SimulatedMarket, release: Release) -> Iterator[tuple[str, bytes]]:
    """Names and contents of everything in the archive, in the order of its directory."""
    inside = f"{release.folder}/" if release.folder else ""
    if release.trades:
        for pair, tape in sorted(market.tapes.items()):
            if len(traded := tape.between(release.start, release.end)):
                yield f"{inside}{pair.altname}.csv", trades_text(traded)
        return
    pairs, files, rows = set(), 0, 0
    for series, frame in _files(market, release):
        pairs.add(series.pair)
        files += 1
        rows += len(frame)
        if series in release.lost:
            continue
        yield f"{inside}{series.file_name}", csv_text(frame)
        if release.junk:
            yield f"__MACOSX/{inside}._{series.file_name}", APPLE_DOUBLE
    if release.junk:
        yield f"{inside}.DS_Store", b"\0\0\0\1Bud1"
        yield f"{inside}BTCUSD_Daily_OHLC.csv", STRAY
    if release.manifest:
        manifest = {
            "product": "ohlcvt",
            "schema_version": 1,
            "release": "r1",
            "columns": FIELDS,
            "has_header": False,
            "coverage": release.coverage,
            "pairs": len(pairs),
            "files": files,
            "rows": rows,
            "generated": str(release.generated),
        }
        yield f"{inside}MANIFEST.json", json.dumps(manifest).encode()


def _files(market: SimulatedMarket, release: Release) -> Iterator[tuple[Series, pl.DataFrame]]:
    """The candles of every file the release was made with."""
    for pair in sorted(market.tapes):
        tape = _as_released(market, release, pair)
        for interval in release.intervals:
            series = Series(pair, interval)
            last_slot = floor(release.end - 1, series.width)
            until = max(last_slot, release.end - release.edge.get(series, 0))
            frame = candles(tape.between(release.start, until), interval)
            if spans := release.dropped.get(series):
                frame = frame.filter(~_in(spans))
            if spans := release.altered.get(series):
                frame = frame.with_columns(pl.when(_in(spans)).then(pl.col("high") * 2).otherwise("high").alias("high"))
            if len(frame) and series not in release.without:
                yield series, frame


def _in(spans: TimeRanges) -> pl.Expr:
    """Whether candles of a frame are in the spans."""
    opens = pl.col("time").dt.epoch("s")
    return pl.any_horizontal(opens.is_between(start, end, closed="left") for start, end in spans)


def _as_released(market: SimulatedMarket, release: Release, pair: Pair) -> Tape:
    tape = market.tapes[pair].between(release.start, release.end)
    if not release.volume_error:
        return tape
    rng = np.random.default_rng([*release.name.encode(), *pair.altname.encode()])
    factors = 1 + rng.uniform(-release.volume_error, release.volume_error, len(tape))
    return replace(tape, volume_units=np.maximum(1, np.rint(tape.volume_units * factors)).astype(np.int64))


def _zipped(members: Iterable[tuple[str, bytes]]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        for name, content in members:
            entry = zipfile.ZipInfo(name)  # dated 1980: the same bytes whenever it is written
            out.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=1)
    return archive.getvalue()


def _write_folder(folder: Path, members: Iterable[tuple[str, bytes]]) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in members:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _write_parts(path: Path, content: bytes) -> Path:
    """The zip in byte parts, and the checksums of all parts in its directory. Returns the first part."""
    size = -(-len(content) // PARTS)
    parts = [path.with_name(f"{path.name}.part{number:02d}") for number in range(PARTS)]
    for number, part in enumerate(parts):
        part.write_bytes(content[number * size : (number + 1) * size])
    beside = sorted(path.parent.glob("*.part[0-9][0-9]"))
    lines = [f"{hashlib.sha256(part.read_bytes()).hexdigest()}  {part.name}\n" for part in beside]
    (path.parent / CHECKSUMS).write_text("".join(lines))
    return parts[0]
