"""Draws the pictures of docs/guide/concepts.md, from what the code itself computes.

python scripts/concept_pictures.py

A test compares them with what is stored: when a rule changes, draw them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from math import log10
from pathlib import Path
from typing import NamedTuple

import polars as pl

from kraken_core.domain.candles import PRICES, SCHEMA, Source, aggregate, rank_of
from kraken_core.domain.completeness import Completeness
from kraken_core.domain.exchange import OHLC_LIMIT, ohlc_horizon
from kraken_core.domain.formatting import duration, percent
from kraken_core.domain.interval_text import short
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH, LEFT, ROW = 720, 90, 34  # pixels; what is drawn begins behind the names, a row is so high
PRESENT, SILENT, MISSING, CLAIM, LINE = "#3a6ea5", "#b9cde3", "#c0392b", "#7a8796", "#c9d1da"
MINUTE = 60


class Picture(NamedTuple):
    """A picture in the making: what was drawn, and how high it is."""

    drawn: list[str]
    height: int

    def text(self, x: float, y: float, words: object, *, anchor: str = "start", colour: str = "#1c2430") -> None:
        """Words at a place."""
        self.drawn.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}">{words}</text>')

    def box(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A filled box."""
        self.drawn.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}" stroke="white"/>'
        )

    def svg(self, told: str) -> str:
        """The picture; ``told`` is for whoever cannot see it."""
        size = f'viewBox="0 0 {WIDTH} {self.height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{told}"'
        style = 'font-family="system-ui, sans-serif" font-size="13"'
        body = "\n".join(self.drawn)
        return f'{head} {style}>\n<rect width="{WIDTH}" height="{self.height}" fill="white"/>\n{body}\n</svg>\n'


def main() -> None:
    """Draw them all."""
    for name, svg in pictures().items():
        (IMAGES / name).write_text(svg, encoding="utf-8")
        print(f"wrote {IMAGES / name}")


def pictures() -> dict[str, str]:
    """Every picture, by the name of its file."""
    return {"slots.svg": slots(), "coverage.svg": coverage(), "derivation.svg": derivation(), "horizon.svg": horizon()}


def slots() -> str:
    """An hour, cut into the slots of every interval that fits."""
    fitting = [interval for interval in INTERVALS if 1 < interval <= 60]  # noqa: PLR2004 - minutes of the hour
    picture, scale = Picture([], ROW * len(fitting) + 20), (WIDTH - LEFT - 20) / 60
    for row, interval in enumerate(fitting):
        y = 10 + row * ROW
        picture.text(LEFT - 10, y + 18, short(interval), anchor="end")
        for start in range(0, 60, interval):
            picture.box(LEFT + start * scale, y, interval * scale, ROW - 6, SILENT)
            picture.text(
                LEFT + (start + interval / 2) * scale, y + 18, f"{start // 60:02d}:{start % 60:02d}", anchor="middle"
            )
    return picture.svg("An hour cut into slots of 5, 15, 30 and 60 minutes, aligned to the epoch")


def coverage() -> str:
    """What candles and claims make of ten slots."""
    wanted, claims = TimeRanges.single(0, 10), TimeRanges.of([(0, 4), (6, 9)])
    candles = {0, 1, 3, 6, 8}
    covered, missing = wanted & claims, wanted - claims
    counts = Completeness(wanted.slots(1), covered.slots(1), sum(at in covered for at in candles))
    picture, scale = Picture([], 5 * ROW + 10), (WIDTH - LEFT - 20) / 10
    for row, name in enumerate(("slot", "candles", "claims", "so it is")):
        picture.text(LEFT - 10, 10 + row * ROW + 18, name, anchor="end")
    for at in range(10):
        x = LEFT + at * scale
        picture.text(x + scale / 2, 28, at + 1, anchor="middle")
        if at in candles:
            picture.box(x + scale * 0.3, 10 + ROW, scale * 0.4, ROW - 10, PRESENT)
        kind, fill = (
            ("missing", MISSING) if at in missing else ("present", PRESENT) if at in candles else ("silent", SILENT)
        )
        picture.box(x, 10 + 3 * ROW, scale, ROW - 6, fill)
        picture.text(
            x + scale / 2, 28 + 3 * ROW, kind, anchor="middle", colour="#1c2430" if kind == "silent" else "white"
        )
    for start, end in claims:
        picture.box(LEFT + start * scale, 16 + 2 * ROW, (end - start) * scale, ROW - 18, CLAIM)
    told = (
        f"wanted {counts.wanted}, covered {counts.covered}: {percent(counts.completeness)} complete; "
        f"present {counts.present}: {percent(counts.activity)} active"
    )
    picture.text(LEFT, 28 + 4 * ROW, told)
    return picture.svg(f"Ten slots with candles and claims: {told}")


def derivation() -> str:
    """Fifteen minutes, all covered, some silent, and the candle they make."""
    prices = {0: (100.0, 3), 2: (104.0, 1), 3: (103.0, 2), 5: (107.0, 4), 6: (105.0, 1), 9: (99.0, 2), 13: (102.0, 1)}
    made = aggregate(minutes((at * MINUTE, price, trades) for at, (price, trades) in prices.items()), 15).row(
        0, named=True
    )
    picture, scale = Picture([], 4 * ROW), (WIDTH - LEFT - 20) / 15
    picture.text(LEFT - 10, 28, "1m", anchor="end")
    picture.text(LEFT - 10, 28 + 2 * ROW, "15m", anchor="end")
    for at in range(15):
        x = LEFT + at * scale
        picture.box(x, 10, scale, ROW - 6, PRESENT if at in prices else SILENT)
        if at in prices:
            picture.text(x + scale / 2, 28, f"{prices[at][0]:g}", anchor="middle", colour="white")
    picture.text(LEFT + 7.5 * scale, 24 + ROW, "all covered, some silent ▼", anchor="middle", colour=CLAIM)
    picture.box(LEFT, 10 + 2 * ROW, 15 * scale, ROW - 6, PRESENT)
    values = [f"{name} {made[name]:g}" for name in (*PRICES, "trades")]
    told = " · ".join([*values, f"source {made['source']}"])
    picture.text(LEFT + 7.5 * scale, 28 + 2 * ROW, told, anchor="middle", colour="white")
    return picture.svg(f"Fifteen minutes make one candle: {told}")


def horizon() -> str:
    """How far back the OHLC endpoint answers, by interval, on a scale of powers of ten."""
    picture = Picture([], ROW * len(INTERVALS) + 40)
    hours = {interval: reach_of(interval) / 3600 for interval in INTERVALS}
    scale = (WIDTH - LEFT - 130) / log10(max(hours.values()))
    for row, (interval, reach) in enumerate(hours.items()):
        y = 10 + row * ROW
        picture.text(LEFT - 10, y + 18, short(interval), anchor="end")
        width = scale * log10(reach) if reach else 0
        if reach:
            picture.box(LEFT, y, width, ROW - 8, PRESENT)
        words = f"{duration(reach * 3600)} back" if reach else "not answered at all"
        picture.text(LEFT + width + 8, y + 18, words, colour="#1c2430" if reach else MISSING)
    picture.text(LEFT, ROW * len(INTERVALS) + 28, f"{OHLC_LIMIT} candles each (the scale is logarithmic)", colour=CLAIM)
    return picture.svg(f"How far back {OHLC_LIMIT} candles reach, by interval")


def reach_of(interval: int) -> int:
    """Seconds."""
    start, end = ohlc_horizon(Series(Pair("BTC", "USD"), interval), 0)
    return end - start


def minutes(rows: Iterable[tuple[int, float, int]]) -> pl.DataFrame:
    """One-minute candles of one price each."""
    candles = [
        (
            "BTC/USD",
            1,
            datetime.fromtimestamp(at, UTC),
            *[price] * 4,
            1.0,
            trades,
            Source.CSV.value,
            rank_of(Source.CSV),
        )
        for at, price, trades in rows
    ]
    return pl.DataFrame(candles, schema=SCHEMA, orient="row")


if __name__ == "__main__":
    main()
