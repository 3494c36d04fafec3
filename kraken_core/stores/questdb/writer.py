"""How candles and ranks get into QuestDB: the server reads a staged file, where it can; else rows are sent to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import FULL_SCHEMA, TIME, VALUES
from kraken_core.domain.errors import StoreError
from kraken_core.domain.interval_units import short
from kraken_core.domain.timerange import iso
from kraken_core.ports import StagedFile
from kraken_core.stores.files.spans import US
from kraken_core.stores.questdb.ranks import Step
from kraken_core.stores.questdb.server import QuestDbServer
from kraken_core.stores.questdb.staged_files import StagedFiles, numbered
from kraken_core.stores.questdb.tables import COLUMNS, LATER, RANKS, SYMBOLS, TABLE

_OF_CANDLES = {"trade_count": "trades"}  # by another name in a file than in the table
_AT_ONCE = 40  # files in one transaction
_SORTED_ROWS = 2_000_000  # candles in memory at once, where they are sent: some 200 MB
_COLUMNS = (*COLUMNS, *LATER)
_SENT = ("pair", *_COLUMNS)  # the server has numbers for pairs; people use names
_VALUES = {name: FULL_SCHEMA[name] for name in (*VALUES, VWAP)}
_EMPTY = {name: kind for name in _COLUMNS if (kind := _VALUES.get(_OF_CANDLES.get(name, name)))}  # of a deleted slot


class CandleWriter:
    """Writes to the tables of one server, which exist."""

    def __init__(self, server: QuestDbServer, files: StagedFiles) -> None:
        self._server = server
        self._files = files
        self._reads_files: bool | None = None  # whether the server does; None until it was tried

    def take(self, files: Sequence[StagedFile]) -> None:
        """Every candle of staged files, in as few transactions as can be. Raises StoreError.

        Few are much cheaper than many: each sorts its candles into the months that others wrote to before.
        """
        if self._reads_files is None:
            self._reads_files = self._can_read(files[0])
        if self._reads_files:
            selects = [f"SELECT {_named(file)} FROM read_parquet({self._literal(file)})" for file in files]
            for start in range(0, len(selects), _AT_ONCE):
                some = " UNION ALL ".join(selects[start : start + _AT_ONCE])
                self._server.execute(f"INSERT INTO {TABLE} ({', '.join(_COLUMNS)}) {some}")
            return
        named_so = [pl.col(_OF_CANDLES.get(name, name)).alias(name) for name in _SENT]
        for group in _together(files):
            self._send(pl.concat([self._files.columns(file, named_so) for file in group]))

    def write(self, candles: pl.DataFrame, gone: pl.DataFrame) -> None:
        """Candles, and rows that delete their slots. Raises StoreError."""
        empty = self._in_columns(gone).with_columns(pl.lit(None, kind).alias(name) for name, kind in _EMPTY.items())
        self._send(pl.concat([self._in_columns(candles), empty]))

    def record(self, steps: Sequence[Step], ids: Mapping[str, int]) -> None:
        """Ranks. Raises StoreError."""
        rows = [(ids[s.pair.base], start * US, s.interval, s.pair.quoted, rank) for s, start, rank in steps]
        types = {"asset_id": pl.Int32, "time": pl.Int64, "interval_minutes": pl.Int32, "quote_currency": pl.String}
        frame = pl.DataFrame(rows, {**types, "rank": pl.Int64}, orient="row").with_columns(pl.col("time").cast(TIME))
        self._server.send(RANKS, frame, SYMBOLS[:1], lambda row: f"the rank of {steps[row].series}")

    def _in_columns(self, candles: pl.DataFrame) -> pl.DataFrame:
        return candles.with_columns(*numbered(candles, self._files.ids)).select(
            pl.col(_OF_CANDLES.get(name, name)).alias(name) for name in _SENT
        )

    def _send(self, candles: pl.DataFrame) -> None:
        rows = candles.sort("time")  # so that each part that is sent changes few months: half the server's work

        def described(number: int) -> str:
            row = rows.row(number, named=True)
            return f"{row['pair']} {short(row['interval_minutes'])}, {iso(int(row['time'].timestamp()))}"

        self._server.send(TABLE, rows.select(*_COLUMNS), SYMBOLS, described)

    def _can_read(self, file: StagedFile) -> bool:
        """Whether the server has our folder below the one that it may import from, and finds the same file there."""
        if self._literal(file) is None:
            return False
        try:
            [(count,)] = self._server.rows(f"SELECT count() FROM read_parquet({self._literal(file)})")
        except StoreError:
            return False
        return bool(count == sum(span.candles for span in file.spans.values()))

    def _literal(self, file: StagedFile) -> str | None:
        """A staged file as the server calls it, relative to its own root; None where it is not below that."""
        target = self._files.root / file.path
        if not self._import_root or not target.is_relative_to(self._import_root):
            return None
        return "'" + str(target.relative_to(self._import_root)).replace("'", "''") + "'"

    @cached_property
    def _import_root(self) -> str | None:
        """The folder that the server may import from."""
        [(root,)] = self._server.rows("SELECT value FROM (SHOW PARAMETERS) WHERE property_path = 'cairo.sql.copy.root'")
        return str(root) if root else None


def _named(file: StagedFile) -> str:
    """The columns of a staged file as those of the table; it has no averages where that column would be empty."""
    absent = {} if file.has_vwap else dict.fromkeys(LATER, "NULL::double")
    return ", ".join(absent.get(name, _OF_CANDLES.get(name, name)) for name in _COLUMNS)


def _together(files: Sequence[StagedFile]) -> Iterator[list[StagedFile]]:
    """Files in groups that memory has room for; a file that is larger is one of its own."""
    group: list[StagedFile] = []
    rows = 0
    for file in files:
        candles = sum(span.candles for span in file.spans.values())
        if group and rows + candles > _SORTED_ROWS:
            yield group
            group, rows = [], 0
        group.append(file)
        rows += candles
    yield group
