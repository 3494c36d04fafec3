"""What the colours stand for. Okabe and Ito's, told apart by the colour-blind, on light and on dark."""

from __future__ import annotations

PRESENT = "#0072B2"  # a candle
SILENT = "#56B4E9"  # known: nothing traded
MISSING = "#D55E00"  # nobody knows
UNWANTED = "#9A9A9A"  # outside a pair's life, or not asked for

SOURCES = {"CSV": "#0072B2", "API": "#E69F00", "MIXED": "#009E73"}
