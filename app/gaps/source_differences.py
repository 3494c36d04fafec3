"""Where sources differ: by how much and which is in force, and whose values replaced stored ones."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app.shared import formatting
from app.shared.tables import numbers, percentages
from app.shared.workbench_cache import remembered
from kraken_core import Workbench
from kraken_core.domain.market import Pair
from kraken_core.domain.request import Selection

LISTED = 200
_REVISED = """
select pair, interval_minutes, member, path, records_changed, job_id, updated_at
from files where records_changed > 0 order by updated_at desc, pair, interval_minutes
"""

_DIFFERENCES = """
select pair, interval_minutes, kept_source, kept_path, other_source, other_path, sum(slots)::bigint as slots,
    min(start_time) as first, max(end_time) as last, max(price_difference) as price,
    max(volume_difference) as volume, max(trades_difference) as trades
from differences group by all order by slots desc, pair, interval_minutes
"""


@remembered
def differences(workbench: Workbench, chosen: Selection) -> pl.DataFrame:
    """Between which sources series of a selection differ, how often and by how much at most; the most slots first."""
    return _selected(workbench, workbench.sql(_DIFFERENCES, to="polars"), chosen)


@remembered
def revisions(workbench: Workbench, chosen: Selection) -> pl.DataFrame:
    """Files that brought other values of a selection's series than were stored, newest first."""
    return _selected(workbench, workbench.sql(_REVISED, to="polars"), chosen)


def _selected(workbench: Workbench, found: pl.DataFrame, chosen: Selection) -> pl.DataFrame:
    pairs = [pair for pair in found["pair"].unique() if chosen.holds(Pair.parse(pair), workbench.tiers)]
    return found.filter(pl.col("pair").is_in(pairs) & pl.col("interval_minutes").is_in(chosen.intervals))


def source_differences(filtered: Selection) -> None:
    """The part of the tab on differences."""
    st.subheader("Differences between sources")
    found = differences(filtered)
    if not found.height:
        st.caption("No two sources differ in this selection.")
        return
    st.caption(
        "Where two sources have different values for a slot, or one has no trades where the other has a candle, "
        "which of them is in force, and the largest "
        f"differences, relative to the larger value; the {LISTED} with the most candles at most. Neither confirms the "
        "other there."
    )
    st.dataframe(
        found.head(LISTED).select(
            pl.col("pair").alias("Pair"),
            _interval(),
            pl.col("slots").alias("Candles"),
            source("kept", "other").alias("In force"),
            source("other", "kept").alias("Differs"),
            pl.col("first").dt.strftime("%Y-%m-%d %H:%M").alias("From (UTC)"),
            pl.col("last").dt.strftime("%Y-%m-%d %H:%M").alias("To (UTC)"),
            *((100 * pl.col(name)).alias(f"{name.capitalize()} ≤") for name in ("price", "volume", "trades")),
        ),
        hide_index=True,
        column_config=numbers("Candles") | percentages("Price ≤", "Volume ≤", "Trades ≤"),
    )


def _interval() -> pl.Expr:
    labels = pl.col("interval_minutes").replace_strict(formatting.INTERVAL_LABELS, return_dtype=pl.String)
    return labels.alias("Interval")


def source(name: str, beside: str) -> pl.Expr:
    """A file by its archive, by the whole path of that where the other's has the same name; all else by its kind."""
    path, other = pl.col(f"{name}_path"), pl.col(f"{beside}_path")
    shown = pl.when((_archive(path) == _archive(other)) & (path != other)).then(path).otherwise(_archive(path))
    return pl.when(path.is_null() | (path == "")).then(f"{name}_source").otherwise(shown)


def _archive(path: pl.Expr) -> pl.Expr:
    return path.str.strip_chars_end("/").str.split("/").list.last()


def file_revisions(filtered: Selection) -> None:
    """The part of the tab on revisions."""
    st.subheader("Revisions")
    found = revisions(filtered)
    if not found.height:
        st.caption("No file has another value for a stored candle of this selection.")
        return
    st.caption(f"Files whose values replaced stored ones, being of a higher rank; the newest {LISTED} at most.")
    st.dataframe(
        found.head(LISTED).select(
            pl.col("pair").alias("Pair"),
            _interval(),
            pl.col("member").alias("File"),
            pl.col("path").alias("Archive"),
            pl.col("records_changed").alias("Candles changed"),
            pl.col("job_id").alias("Job"),
            pl.col("updated_at").dt.strftime("%Y-%m-%d %H:%M").alias("At (UTC)"),
        ),
        hide_index=True,
        column_config=numbers("Candles changed"),
    )
