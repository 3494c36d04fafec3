"""Skipped ids: requested again, until an answer shows whether they are of trades that were left out (domain rule 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import polars as pl

from kraken_core.domain.exchange import TradesPage
from kraken_core.domain.timerange import TimeRanges, iso
from kraken_core.domain.trade_ids import Skipped
from kraken_core.domain.trade_sweep import Sweeping

MOST_FRUITLESS = 3  # requests in a row that show nothing of the ids they are for


class RequestedAgain(NamedTuple):
    """The fresh trades of a page (PAGE) with those it had left out, and what is known of the ids they still skip.

    ``phantoms`` no trade ever had; ``unread`` are between rows that could not be read; of ``unknown`` ones no answer
    showed anything.
    """

    fresh: pl.DataFrame
    phantoms: tuple[Skipped, ...] = ()
    unread: tuple[Skipped, ...] = ()
    unknown: tuple[Skipped, ...] = ()

    @property
    def seconds(self) -> TimeRanges:
        """Where trades of the unknown ids may be missing, in epoch seconds."""
        return TimeRanges.of(span for skip in self.unknown for span in skip.seconds)

    @property
    def problem(self) -> str:
        """What to say of the unknown ids."""
        if not self.unknown:
            return ""
        start, end = self.seconds.hull
        return f"from {iso(start)} to {iso(end)} trade ids are skipped, and no answer shows whether trades have them"


def request_again(
    sweeping: Sweeping, page: TradesPage, following: Callable[[int], TradesPage | None]
) -> RequestedAgain | None:
    """What a sweep takes of its next page, once the ids that this skips were requested; None without a request left.

    ``following`` requests the page after a cursor.
    """
    fresh = sweeping.fresh(page)
    phantoms: list[Skipped] = []
    later: list[Skipped] = []  # of trades that come with the next page
    fruitless = 0
    while True:
        skips = sweeping.skipped(fresh)
        unread = tuple(skip for skip in skips if not skip.seconds - page.unknown)
        left = [skip for skip in skips if skip not in (*unread, *phantoms, *later)]
        if not left or fruitless == MOST_FRUITLESS:
            return RequestedAgain(fresh, tuple(phantoms), unread, tuple(left))
        # Another cursor each time, as the same one may be answered by what was kept for it.
        again = following(min(skip.since for skip in left) - 1 - fruitless)
        if not again:
            return None
        before = len(fresh)
        fresh = sweeping.found_again(fresh, again.trades, left)
        left = sweeping.skipped(fresh) if len(fresh) > before else left
        shown = sweeping.passed_over(left, again), _coming(left, fresh, again)
        fruitless = 0 if len(fresh) > before or any(shown) else fruitless + 1
        phantoms += shown[0]
        later += shown[1]


def _coming(skips: list[Skipped], fresh: pl.DataFrame, again: TradesPage) -> list[Skipped]:
    """Those of whose ids a trade comes behind the fresh ones."""
    ids = again.trades.filter(pl.col("time") > fresh["time"][-1])["id"]
    return [skip for skip in skips if ids.is_between(skip.first, skip.last).any()]
