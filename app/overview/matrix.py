"""Pairs by intervals: how complete each series is, in a table whose cells lead to the series."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from app.shared import formatting
from app.shared.series_list import open_series
from kraken_core.domain.completeness import Completeness
from kraken_core.domain.formatting import percent
from kraken_core.domain.market import Pair, Series

PAIR = "Pair"
CELL_PX, CHARACTER_PX = 24, 8  # beside a text, and of it
# Translucent, so that text is read on light and on dark; the percentage itself says the same to the colour-blind
_SHADES = ((1.0, "#0072B233"), (0.99, "#56B4E933"), (0.5, "#F0E44233"), (0.0, "#D55E0055"))


def matrix(pairs: Mapping[str, Mapping[int, Completeness]], expected: int) -> None:
    """The table; a cell that is clicked opens its series."""
    intervals = sorted({interval for cells in pairs.values() for interval in cells})
    labels = {formatting.interval(interval): interval for interval in intervals}
    counts = {pair: [cells.get(interval) for interval in intervals] for pair, cells in pairs.items()}
    texts = pd.DataFrame(
        [[percent(each.completeness) if each else formatting.NOTHING for each in row] for row in counts.values()],
        columns=list(labels),
    )
    colours = pd.DataFrame([[shade(each) for each in row] for row in counts.values()], columns=list(labels))
    texts.insert(0, PAIR, list(pairs))
    colours.insert(0, PAIR, "")
    event = st.dataframe(
        texts.style.apply(lambda _: colours, axis=None),
        hide_index=True,
        height="content" if len(pairs) <= 12 else 450,  # noqa: PLR2004 - rows on a screen
        on_select="rerun",
        selection_mode="single-cell",
        key="matrix",
        column_config={PAIR: st.column_config.TextColumn(pinned=True, width=_width(pairs))},
    )
    more = f" The {len(pairs)} least complete of {formatting.many(expected, 'pair')}." if len(pairs) < expected else ""
    st.caption(f"Click a cell to open its series; – is not expected.{more}")
    if found := clicked(event, list(pairs), labels):
        open_series(found)


def _width(pairs: Collection[str]) -> int:
    """Of the column of pairs, in pixels: the longest name is read whole, such as that of another exchange."""
    return CELL_PX + CHARACTER_PX * max(map(len, pairs), default=0)


def shade(counts: Completeness | None) -> str:
    """The background of a cell, as CSS."""
    if counts is None:
        return ""
    share = counts.completeness
    return f"background-color: {next(colour for least, colour in _SHADES if share >= least)}"


def clicked(event: Mapping[str, Any], pairs: Sequence[str], intervals: Mapping[str, int]) -> Series | None:
    """The series of the cell that was clicked; a pair's own cell leads to its first interval."""
    for row, column in event["selection"]["cells"]:
        if row < len(pairs):
            return Series(Pair.stored(pairs[row]), intervals.get(column, next(iter(intervals.values()))))
    return None
