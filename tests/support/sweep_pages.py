"""Pages of a little tape, and a sweep that takes them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import polars as pl

from kraken_core.domain.exchange import NS, AsOf, TradesPage
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.sweep_points import SweepPoint
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trade_sweep import STALE_S, Sweeping, SweepStep
from kraken_core.domain.trades import PAGE

MINUTES = Series(Pair("BTC", "USD"), 1)
START = 1_700_000_040  # a minute's open
SLOTS = 12
END = START + SLOTS * 60
LONG_AGO = AsOf(END + 2 * STALE_S)  # all that is read is older than answers can be
NOW = AsOf(END)


def trades(seconds: list[float], ids: list[int | None] | None = None) -> pl.DataFrame:
    """A trade at each of the times, seconds after START, numbered in their order unless they have other ids."""
    count = len(seconds)
    return pl.DataFrame(
        {
            "time": [START * NS + round(second * NS) for second in seconds],
            "price": [float(100 + place % 7) for place in range(count)],
            "volume": ["0.1"] * count,
            "id": list(range(1, count + 1)) if ids is None else ids,
            "kind": ["bl"] * count,
        },
        schema={**PAGE, "volume": pl.String},
    ).cast(PAGE)  # type: ignore[arg-type] # polars knows a schema


def full(tape: pl.DataFrame) -> TradesPage:
    return TradesPage(tape, int(tape["time"][-1]), is_short=False)


def short(tape: pl.DataFrame, cursor: int = 0) -> TradesPage:
    return TradesPage(tape, int(tape["time"][-1]) if len(tape) else cursor, is_short=True)


NOTHING = short(trades([]))


def taken(sweeping: Sweeping, *pages: TradesPage) -> list[SweepStep]:
    """What pages brought, one after the other, as far as the sweep goes on."""
    steps: list[SweepStep] = []
    for page in pages:
        steps.append(sweeping.take(page, sweeping.fresh(page)))
        following = steps[-1].sweeping
        if following is None:
            break
        sweeping = following
    return steps


def begun(when: AsOf = LONG_AGO) -> Sweeping:
    return Sweeping.begin(MINUTES, START, END, when)


def pages(tape: pl.DataFrame, cuts: list[int], repeated: int = 0) -> Iterator[TradesPage]:
    """The tape cut behind so many trades each; every page begins with some of the one before."""
    bounds = [0, *sorted({cut for cut in cuts if 0 < cut < len(tape)}), len(tape)]
    for start, end in pairwise(bounds):
        yield full(tape[max(0, start - repeated) : end])


def swept(tape: pl.DataFrame, cuts: list[int], resumed_at: int, repeated: int) -> tuple[pl.DataFrame, TimeRanges]:
    """What a sweep over the pages gave, taken up from its point before one of them; its end is agreed with."""
    sweeping: Sweeping | None = begun()
    steps: list[SweepStep] = []
    for number, page in enumerate([*pages(tape, cuts, repeated), NOTHING, NOTHING, NOTHING]):
        assert sweeping is not None
        if number == resumed_at:
            sweeping = Sweeping.resume(SweepPoint(*sweeping.point), END, LONG_AGO)
        steps.append(sweeping.take(page, sweeping.fresh(page)))
        sweeping = steps[-1].sweeping
        if sweeping is None:
            break
        if steps[-1].ending:
            steps.append(sweeping.agreed(END))
            break
    candles = pl.concat([step.candles for step in steps])
    return candles, TimeRanges.of(span for step in steps for span in step.known)
