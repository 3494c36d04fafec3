"""How candles are encoded in Parquet: every column in the way that suits its values.

Open times nearly always rise by the same step, so what is kept are their differences; names repeat for thousands of
rows, so they are runs of a number; prices and volumes are as they are. Measured on Kraken's own hourly candles of
bitcoin: 29 bytes a candle, where a generic encoding needs 36 with the same compression.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

COMPRESSION = "snappy"  # lz4 takes as much room and a third longer to write; zstd twice as long to write and to read
_DIFFERENCES = {"time": "DELTA_BINARY_PACKED"}
_REPETITIVE = ("trades", "rank")


def write_parquet(candles: pl.DataFrame, footer: Mapping[str, str], rows_a_group: int, file: pa.NativeFile) -> None:
    """Write candles in groups of so many rows, and the file's footer. No name may be null."""
    names = [name for name, dtype in candles.schema.items() if dtype == pl.String]
    columns = {
        name: _runs(column) if name in names else _as_it_lies(column) for name, column in candles.to_dict().items()
    }
    table = pa.table(columns)
    with pq.ParquetWriter(
        file,
        table.schema,
        compression=COMPRESSION,
        use_dictionary=[*names, *_REPETITIVE],
        column_encoding=_DIFFERENCES,
        store_schema=False,  # else readers take names for categories; it drops the table's metadata, too
    ) as writer:
        writer.write_table(table, row_group_size=rows_a_group)
        writer.add_key_value_metadata(footer)


def _runs(names: pl.Series) -> pa.Array:
    """A column of names as numbers into a dictionary."""
    runs = names.rle().struct.unnest()
    values, numbers = np.unique(runs["value"].to_numpy(), return_inverse=True)
    indices = pl.Series(np.repeat(numbers.astype(np.int32), runs["len"].to_numpy()))
    # By way of polars: to take values from elsewhere, pyarrow loads pandas first, which is slow.
    return pa.DictionaryArray.from_arrays(indices.to_arrow(), pl.Series(values, dtype=pl.String).to_arrow())


def _as_it_lies(column: pl.Series) -> pa.ChunkedArray:
    """A column as it lies in memory: to give all columns the same chunks would copy them."""
    return pa.chunked_array([chunk.to_arrow() for chunk in column.get_chunks()])
