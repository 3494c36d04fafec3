"""Candles as tables: with all the digits of their prices and volumes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl
import streamlit as st

from app.shared.tables import numbers
from kraken_core.domain.formatting import decimals
from kraken_core.workbench.charts.candle_chart import Drawn

VALUES = ("open", "high", "low", "close", "volume", "vwap")
MOST = 20  # decimals


def bars_table(drawn: Drawn) -> None:
    """The bars, for the keyboard and for screen readers."""
    opens = pl.from_epoch("start", "s").dt.strftime("%Y-%m-%d %H:%M").alias("Opens (UTC)")
    columns = ("open", "high", "low", "close", "volume", "trades", "candles", "doubtful", "source")
    bars = drawn.bars.with_columns(pl.Series("doubtful", drawn.doubtful_by_bar, pl.Int64))
    shown = bars.select(opens, *(pl.col(name).alias(name.capitalize()) for name in columns))
    exact = exact_values({name: drawn.bars[name] for name in columns if name in VALUES})
    st.dataframe(shown, hide_index=True, column_config=exact | numbers("Trades", "Candles", "Doubtful"))


def exact_values(columns: dict[str, Iterable[float]]) -> dict[str, Any]:
    """The configuration of columns of prices and volumes: as many decimals as the most exact of them has.

    Streamlit's own form has four at most, or five digits.
    """
    most = {name: max(map(decimals, values), default=0) for name, values in columns.items()}
    return {
        name.capitalize(): st.column_config.NumberColumn(format=f"%.{min(many, MOST)}f") for name, many in most.items()
    }
