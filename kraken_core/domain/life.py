"""The life of a pair: from its listing to its delisting, possibly several times (domain rule 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.timerange import END_OF_TIME, TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Life(NamedTuple):
    """One stretch of a pair's life; ``end`` is None while it trades.

    ``assumed``: the listing is unknown, and taken to be the first candle ever seen.
    """

    start: int
    end: int | None = None
    assumed: bool = True


def instants(lives: Iterable[Life]) -> TimeRanges:
    """When the pair lived, to the second."""
    return TimeRanges.of((life.start, END_OF_TIME if life.end is None else life.end) for life in lives)


def possible_instants(lives: Sequence[Life]) -> TimeRanges:
    """When the pair lived, for all that is known: also before a listing that is only assumed.

    What is not in it is not missing. A file that begins inside a coarse slot does not show that the pair did.
    """
    if lives and lives[0].assumed:
        lives = (lives[0]._replace(start=0), *lives[1:])
    return instants(lives)


def lived(lives: Iterable[Life], width: int) -> TimeRanges:
    """The slots of ``width`` seconds in which the pair lived: those of the listing and the last trade too."""
    return instants(lives).outer(width)


def expected_slots(lives: Sequence[Life], slots: TimeRanges, width: int) -> TimeRanges:
    """Those of the requested slots that are expected: in the pair's life; all, where nothing is known of its life.

    What was requested and is not stored is missing, though it may never have existed (domain rule 16).
    """
    return slots & lived(lives, width) if lives else slots


def outside_life(lives: Sequence[Life]) -> TimeRanges:
    """The instants at which the pair did not live, for all that is known; none where nothing is known of its life."""
    return TimeRanges.single(0, END_OF_TIME) - possible_instants(lives) if lives else TimeRanges()


def assumed_listing(first_candles: Mapping[int, int]) -> int | None:
    """The listing that the first candles show: open time by interval (minutes) → epoch seconds.

    A coarse slot opens before the first trade in it. So the earliest candle gives the slot, and every finer series
    whose first candle lies within that slot narrows it; a finer file that merely begins later does not. One that lost
    its first rows narrows it too far, which the next finer one mends.
    """
    if not first_candles:
        return None
    start, interval = min((first, interval) for interval, first in first_candles.items())
    for finer in sorted(first_candles, reverse=True):
        if finer < interval and first_candles[finer] < start + interval * 60:
            start, interval = first_candles[finer], finer
    return start


def relisted(lives: Sequence[Life]) -> tuple[Life, ...]:
    """The lives of a pair that is listed: one that had ended goes on from its end on, as far as is known.

    Whether it traded since is unknown, and what is not known is missing.
    """
    *before, last = lives
    if last.end is None:
        return tuple(lives)
    if last.start == last.end or (before and last.assumed):  # of which nothing is known either
        return (*before, last._replace(end=None, assumed=True))
    return (*lives, Life(last.end))


def unlisted_until(lives: Sequence[Life], covered: Iterable[TimeRanges]) -> int:
    """Before which instant (epoch seconds) a pair that is listed again may not have been; 0 where nothing shows it.

    That is before the first slots of it that are covered since, at any interval.
    """
    if len(lives) < 2 or not lives[-1].assumed:  # noqa: PLR2004 - a second life
        return 0
    start = lives[-1].start
    since = (begins for ranges in covered for begins, _ in ranges.clip(start, END_OF_TIME))
    return min((begins for begins in since if begins > start), default=0)


def needs_listing_lookup(lives: Sequence[Life], start: int) -> bool:
    """Whether a listed pair's first trade has to be requested: what it may have lived from ``start`` on is not known.

    Its listing is unknown, and the first candle seen is later than that; or it was delisted, and is back.
    """
    return not lives or lives[-1].end is not None or (lives[0].assumed and lives[0].start > start)
