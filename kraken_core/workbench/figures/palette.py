"""What the colours stand for. Okabe and Ito's, told apart by the colour-blind, on light and on dark."""

from __future__ import annotations

from kraken_core.domain.grades import Grade

PRESENT = "#0072B2"  # a candle
SILENT = "#56B4E9"  # known: nothing traded
MISSING = "#D55E00"  # nobody knows
UNWANTED = "#9A9A9A"  # outside a pair's life, or not asked for

SOURCES = {"CSV": "#0072B2", "API": "#E69F00", "MIXED": "#009E73"}
UP, DOWN = "#009E73", "#E69F00"  # a candle that closes higher than it opens, and one that does not
GRADES = {
    Grade.PROVED: "#009E73",
    Grade.CONFIRMED: "#0072B2",
    Grade.CLAIMED: "#56B4E9",
    Grade.DOUBTFUL: "#CC79A7",
}
