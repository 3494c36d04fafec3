"""The Parquet files of the table of trades: like those of candles, each of one year, by pair and time.

Measured on a simulated year of a busy pair: 10 bytes a trade with these encodings, 13 with snappy in place of zstd. Ids
and times are kept as their differences, names and prices as numbers into a dictionary; volumes are what takes the room.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from kraken_core.domain.exchange import NS
from kraken_core.domain.kept_trades import KEPT, in_order
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange
from kraken_core.failpoints import reached
from kraken_core.ports import CandleSpan, StagedFile
from kraken_core.stores.files.candle_files import ROWS_A_GROUP, CandleFiles
from kraken_core.stores.files.errors import store_errors
from kraken_core.stores.files.file_names import new_name
from kraken_core.stores.files.spans import pair_of, to_footer
from kraken_core.stores.files.table_form import TRADE_TABLE, YEAR, TableForm

if TYPE_CHECKING:
    import pyarrow as pa

COMPRESSION, LEVEL = "zstd", 1
_DICTIONARIES = ["pair", "price", "side", "order_type", "source"]
_DIFFERENCES = dict.fromkeys(("id", "time", "place"), "DELTA_BINARY_PACKED")


class TradeFiles(CandleFiles):
    """The files below a table's folder. A trade's span is in seconds, its first and last second included."""

    form: ClassVar[TableForm] = TRADE_TABLE

    def write(self, candles: pl.DataFrame) -> StagedFile:
        """Write trades of one year (KEPT with ``year``) as a new file, durable when this returns. Raises StoreError."""
        year = int(candles.item(0, YEAR))
        spans = self._spans_of(candles.lazy())
        folder = f"{YEAR}={year}"
        reached("table.stage.before")
        with store_errors("write", self.place.at(folder)):
            path, size = self.place.write(new_name(folder), partial(_write, candles.select(*KEPT), to_footer(spans)))
            reached("table.stage.after")
        return StagedFile(path, year, size, spans)

    def in_order(self, candles: pl.DataFrame) -> pl.DataFrame:
        """Rows as :meth:`write` takes them."""
        return in_order(candles)

    def by_year(self, trades: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Trades in order (KEPT), in parts that :meth:`write` takes."""
        years = trades.with_columns(pl.from_epoch("time", time_unit="ns").dt.year().alias(YEAR))
        yield from years.partition_by(YEAR, maintain_order=True)

    @staticmethod
    def _spans_of(rows: pl.LazyFrame) -> dict[Pair, CandleSpan]:
        seconds = pl.col("time") // NS
        spans = rows.group_by("pair").agg(seconds.min().alias("first"), seconds.max().alias("last"), pl.len()).collect()
        return {pair_of(name): CandleSpan(*span) for name, *span in spans.sort("pair").iter_rows()}

    def trades(self, paths: Collection[str], pairs: Iterable[Pair], window: TimeRange) -> pl.LazyFrame:
        """The trades of pairs in a window, of files: KEPT, in no order; nothing is read yet."""
        if not paths:
            return pl.LazyFrame(schema=KEPT)
        first, end = window.start * NS, min(window.end * NS, (1 << 63) - 1)
        return (
            self._scan(sorted(paths), numbered=None)
            .filter(
                pl.col("pair").is_in([str(pair) for pair in pairs]),
                pl.col("time").is_between(first, end, closed="left"),
            )
            .select(*KEPT)
        )


def _write(trades: pl.DataFrame, footer: Mapping[str, str], file: pa.NativeFile) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415 - who only reads does not load it

    table = trades.to_arrow(compat_level=pl.CompatLevel.oldest())
    with pq.ParquetWriter(
        file,
        table.schema,
        compression=COMPRESSION,
        compression_level=LEVEL,
        use_dictionary=_DICTIONARIES,
        column_encoding=_DIFFERENCES,
        store_schema=False,
    ) as writer:
        writer.write_table(table, row_group_size=ROWS_A_GROUP)
        writer.add_key_value_metadata(footer)
