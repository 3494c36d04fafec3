"""The lines of an OHLCVT file as numbers: which of them is a header, what each field is, and what cannot be read."""

from __future__ import annotations

import polars as pl

from kraken_core.domain.averages import VWAP, stated
from kraken_core.domain.candles import PRICES, VALUES
from kraken_core.domain.csv_columns import STRIPPED, ColumnLayout, fields_of, is_header, layout_of
from kraken_core.domain.errors import BadFileError
from kraken_core.domain.plain_text import lines_of

NAMES = ("time", *VALUES)
KRAKENS = ColumnLayout({name: place for place, name in enumerate(NAMES)}, len(NAMES))
_FEWEST_NAMED = 6  # columns of a header: fewer names are a damaged row
_VWAP_PLACE = 5  # some collectors put a vwap before the volume
_FEW_WEIGHTED = 10  # rows with eight columns: fewer do not show that a file has them
_MUCH_WIDER = 1.5
_VWAP_SHARE = 0.9  # of the rows with eight columns, for those to have one


def read_lines(text: bytes) -> tuple[pl.DataFrame, ColumnLayout]:
    """The rows of a file in its order, and the layout they are read in.

    Columns: line (from 1), text, those of NAMES (null where a field is no number), time_text, width (columns), vwap
    (null where there is none), sound, false where an eighth column is no vwap, and torn, true where a row may have a
    comma too many instead. Raises BadFileError for a header that cannot be obeyed.
    """
    layout, data = _layout(lines_of(text, 1))
    return _values(data, layout), layout


def _layout(lines: pl.DataFrame) -> tuple[ColumnLayout, pl.DataFrame]:
    """The order of the columns, and the lines less the header."""
    layout = KRAKENS
    names = lines.filter(pl.col("text").str.contains(r"^[\s\"'\x{feff}]*[A-Za-z]"))
    for line, text in names.iter_rows():
        fields = fields_of(text)
        if not is_header(fields) or len(fields) < _FEWEST_NAMED:
            continue
        named = layout_of(fields, NAMES, optional=(VWAP,))
        if line == lines["line"][0]:
            layout = KRAKENS if named == KRAKENS else named
            lines = lines[1:]
        elif named.places != layout.places:
            raise BadFileError(f"line {line} names the columns in another order than the rows above it have them")
    return layout, lines


def _values(lines: pl.DataFrame, layout: ColumnLayout) -> pl.DataFrame:
    fields = pl.col("text").str.split(",").list.eval(pl.element().str.strip_chars(STRIPPED))
    columns = pl.col("fields").list.len()
    # Some end each row in a comma: the field behind it is none.
    ended = (columns > layout.width) & (pl.col("fields").list.last() == "")
    weighted = (pl.col("width") == layout.width + 1) & pl.lit(value=layout == KRAKENS)

    def at(name: str) -> pl.Expr:
        place = layout.places[name]
        field = pl.col("fields").list.get(place, null_on_oob=True)
        if place < _VWAP_PLACE or layout.named:
            return field
        return pl.when(weighted).then(pl.col("fields").list.get(place + 1, null_on_oob=True)).otherwise(field)

    count = at("trades").cast(pl.Float64, strict=False)  # some write 7.0
    rows = (
        lines.with_columns(fields.alias("fields"))
        .with_columns((columns - ended.cast(pl.UInt32)).alias("width"))
        .with_columns(
            at("time").alias("time_text"),
            at("time").cast(pl.Int64, strict=False).alias("time"),
            *(at(name).cast(pl.Float64, strict=False).alias(name) for name in (*PRICES, "volume")),
            pl.when(count == count.floor()).then(count.cast(pl.Int32, strict=False)).alias("trades"),
            weighted.alias("weighted"),
            pl.col("fields")
            .list.get(layout.places.get(VWAP, _VWAP_PLACE), null_on_oob=True)
            .cast(pl.Float64, strict=False)
            .alias(VWAP),
        )
    )
    return (
        rows.with_columns(pl.col("line").is_in(_torn(rows).implode()).alias("torn"))
        .with_columns((_is_sound() & ~pl.col("torn")).alias("sound"))
        .with_columns(pl.when("sound", pl.col("weighted") | pl.lit(VWAP in layout.places)).then(stated(pl.col(VWAP))))
        .drop("fields", "weighted")
    )


def _torn(rows: pl.DataFrame) -> pl.Series:
    """The lines that are a row with a comma too many in a price rather than one with a vwap, where few have one.

    Such a price would be another one, far from the others: taken for two, the row would span much more.
    """
    weighted = rows.filter("weighted")
    if len(weighted) >= _FEW_WEIGHTED and 2 * len(weighted) > len(rows):
        return weighted["line"].clear()
    commas = (_is_narrow_without(n, by) for n in range(1, 1 + len(PRICES)) for by in ("", "."))
    return weighted.filter(pl.any_horizontal(*commas))["line"]


def _is_narrow_without(comma: int, instead: str) -> pl.Expr:
    """Whether eight fields are a good row, and a narrower one, once a comma is taken away, or was a decimal point."""
    field = [pl.col("fields").list.get(n, null_on_oob=True) for n in range(KRAKENS.width + 1)]
    joined = pl.concat_str(field[comma], pl.lit(instead), field[comma + 1])
    texts = [*field[1:comma], joined, *field[comma + 2 :]]
    values = [text.cast(pl.Float64, strict=False) for text in texts]
    first, high, low, last, volume, trades = values
    return (
        ~pl.any_horizontal(value.is_null() for value in values)
        & (low > 0)
        & (pl.max_horizontal(first, last) <= high)
        & (pl.min_horizontal(first, last) >= low)
        & (trades == trades.floor())
        & (trades >= 0)
        & ((trades > 0) == (volume > 0))
        & (pl.col("high") / pl.col("low") > _MUCH_WIDER * high / low)
    )


def _is_sound() -> pl.Expr:
    """False where a row has eight columns and the sixth is no vwap: one lies within low and high, and so do most."""
    within = stated(pl.col(VWAP)).is_not_null()
    traded = pl.col("weighted") & (pl.col("trades") != 0).fill_null(value=True)
    share = within.filter(traded).mean()
    believed = (share.is_null() | (share >= _VWAP_SHARE)) & (within | ~traded)
    return ~pl.col("weighted") | believed
