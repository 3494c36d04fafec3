"""Where a tape ends: what has to agree that nothing followed the last trade read, or is missing before it.

A page of trades without news proves nothing: it may come from a cache that is minutes old, and pages are empty in the
middle of a tape too (domain rule 4). The exchange's candles are made elsewhere, and have slots without trades too. So
where they count no more trades in a slot than were read of it, the trades read are all there are.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from kraken_core.domain.exchange import NS, OHLC_INTERVALS, AsOf, OhlcAnswer, ohlc_horizon, venue_of
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import floor
from kraken_core.domain.trade_sweep import STALE_S, Ending

FEW_TRADES = 20  # so many would be expected of a span before its silence is suspicious


class Agreement(NamedTuple):
    """Up to when (epoch seconds) candles agree with the trades read.

    Where they do not, they count ``theirs`` in the slot that begins there, and ``ours`` were read of it.
    """

    until: int
    theirs: int | None = None
    ours: int = 0


def witness(series: Series, instant: int, until: int, as_of: int) -> Series:
    """The series whose candles may show the time from an instant on (epoch seconds), up to ``until`` at most.

    The coarsest from which the sweep's own can be made, as that fits its slots; where none of them reaches back so far,
    the finest of the coarser ones that does; else the coarsest of all. Their reach moves on while a job runs. Of an
    exchange that answers any time, the finest of which one answer shows all of it.
    """
    venue = venue_of(series.pair)
    if venue.is_ranged:
        each = [Series(series.pair, interval) for interval in venue.intervals]
        return next((of for of in each if min(until, as_of) - instant < venue.page * of.width), each[-1])
    reaching = [
        of
        for interval in OHLC_INTERVALS
        if ohlc_horizon(of := Series(series.pair, interval), as_of + STALE_S).start <= floor(instant, of.width)
    ]
    fitting = [of for of in reaching if serves(of, series)]
    coarser = [of for of in reaching if not serves(of, series) and floor(min(until, as_of), of.width) > instant]
    return (fitting[::-1] or coarser or [Series(series.pair, OHLC_INTERVALS[-1])])[0]


def serves(candles: Series, series: Series) -> bool:
    """Whether candles of one series may replace another's."""
    return series.interval % candles.interval == 0


def agreement(
    ending: Ending, instant: int, end: int, answer: OhlcAnswer, width: int, *, rate: float, newest: int | None
) -> Agreement:
    """How far candles of slots of ``width`` seconds agree with the trades that a sweep read, from ``instant`` on.

    They show nothing of slots that have no row, or none that could be read: an answer that is old ends early, and one
    may be empty. Only what lies before the first of the ``newest`` rows that answers have at most could have had none:
    there few trades expected at the pair's own rate have to do: that of the answer, else ``rate``, in trades a second.
    Of a first slot whose trades were not all read candles may count more for that alone: see counts_partly.
    """
    opens = answer.candles["time"].dt.epoch("s")
    counts = dict(zip(opens.to_list(), answer.candles["trades"].to_list(), strict=True))
    rate = sum(counts.values()) / answer.known.seconds if answer.known and not answer.skipped else rate
    slot, until = floor(instant, width), instant
    behind = min(_reach(answer, width, newest), end)
    while slot < end and slot + width <= ending.until:
        if slot in answer.known:
            theirs, ours = counts.get(slot, 0), _between(ending.times, slot, slot + width)
            if theirs > ours:
                return Agreement(until, theirs, ours)
            slot += width
        elif slot < behind and rate * (behind - slot) < FEW_TRADES:
            slot = behind
        else:
            return Agreement(until)
        until = min(slot, end)
    return Agreement(until)


def contradiction(ending: Ending, instant: int, end: int, answer: OhlcAnswer, width: int, *, rate: float) -> Agreement:
    """The same of candles that leave out slots without trades: how far they show no trade that was not read.

    That there is no row confirms nothing, so that as few trades have to be expected as where there are no candles; and
    ``end`` has to be so long ago that every answer shows all trades before it. A row that cannot be read may be of any
    slot.
    """
    end = min(end, ending.until)
    for slot in sorted(answer.candles["time"].dt.epoch("s").to_list()):
        is_between = slot + width > instant and slot < end
        if is_between and not (ours := _between(ending.times, slot, slot + width)):
            return Agreement(max(slot, instant), theirs=1, ours=ours)
    is_sure = not answer.skipped and rate * (end - instant) < FEW_TRADES
    return Agreement(max(instant, end) if is_sure else instant)


def counts_partly(ending: Ending, instant: int, width: int) -> bool:
    """Whether a sweep has only some of the trades in the slot of ``width`` seconds around an instant."""
    return floor(instant, width) * NS < ending.counted_from


def settled(answer: OhlcAnswer, width: int, when: AsOf) -> OhlcAnswer:
    """The answer without what had not settled when it was made, where it shows that it is old.

    It does where its slots of ``width`` seconds end before the end of its request: it was made after that, but perhaps
    at once, so that only what closed a settling time before is known.
    """
    if not answer.known or (end := answer.known.hull.end) >= floor(when.as_of, width):
        return answer
    until = floor(end - when.settling_s, width)
    opens = pl.col("time").dt.epoch("s")
    return answer._replace(known=answer.known.clip(0, until), candles=answer.candles.filter(opens < until))


def _reach(answer: OhlcAnswer, width: int, newest: int | None) -> int:
    """Before which instant (epoch seconds) an answer has no room for rows; 0 where it has.

    Rows that could not be read may all have come before the others.
    """
    if not answer.known or newest is None or answer.rows < newest:
        return 0
    return answer.known.hull.start - len(answer.skipped) * width


def _between(times: pl.Series, start: int, end: int) -> int:
    return times.search_sorted(end * NS, side="left") - times.search_sorted(start * NS, side="left")
