"""The Trades endpoint (https://docs.kraken.com/api/docs/rest-api/get-recent-trades, as domain 1.3 has measured it).

The cursor counts nanoseconds, and here no two trades share one: a trade's cursor is its time, or one nanosecond more
than the cursor before it where that is later. So any number of trades in one millisecond, or even in one nanosecond,
can be distinguished by it, and pages of any size reach the end. Unless they are to go wrong: see ``tape_faults``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.simulator.exchange.tape_faults import HONEST, TapeFaults
from kraken_core.simulator.tape import NS, Ints, Tape, decimal_text

MOST = 1_000  # trades a page
_PAGES_AHEAD = 2  # of a page that is not the one that was requested


def cursors(tape: Tape) -> Ints:
    """The cursor of each trade: strictly ascending, never before its time."""
    places = np.arange(len(tape))
    return np.maximum.accumulate(tape.time_ns - places) + places


class Page(NamedTuple):
    """Trades as JSON, oldest first, and the cursor of the last one; None where the page has none."""

    rows: list[str]
    cursor: int | None


class TradeBook:
    """A pair's trades as pages.

    With ``repeats`` a page requested from where another one ended begins with the trades of that one's last instant
    again, though they fill at most half of it, so that every page of two or more leads on.
    """

    def __init__(self, tape: Tape, *, ids: bool, repeats: bool, faults: TapeFaults = HONEST) -> None:
        self._tape = tape
        self._cursors = tape.time_ns if faults.coarse else cursors(tape)
        self._ids = faults.ids(tape) if ids else None
        self._seen_ns = faults.seen_ns(tape)
        self._repeats = repeats and not faults.coarse
        self._faults = faults
        self.pages = 0  # answered
        self._reached = 0  # the cursor of the last one that did not go back

    def page(self, since: int, count: int, now_ns: int) -> Page:
        """Up to ``count`` trades after the cursor, of those that are visible.

        Trades of ``now_ns`` and later have not happened yet.
        """
        self.pages += 1
        faults, chance = self._faults, self._faults.chance("trades", self._tape.pair, self.pages)
        if chance.random() < faults.stale:
            now_ns -= round(faults.stale_s * NS)
        known = int(np.searchsorted(self._tape.time_ns, now_ns))
        visible = np.flatnonzero(self._seen_ns[:known] <= now_ns)
        befallen, cursors_of = faults.bounds(self.pages), faults.chance("cursors", self._tape.pair, self.pages)
        ahead = _PAGES_AHEAD if befallen and cursors_of.random() < faults.elsewhere else 0
        places = self._places(visible, since, count)
        for _ in range(ahead if len(places) else 0):
            places = self._places(visible, int(self._cursors[places[-1]]), count)
        goes_back = since <= self._reached - NS
        if goes_back and cursors_of.random() < faults.empty_again:
            places = places[:0]
        if befallen and chance.random() < faults.empty:
            places = places[:0]
        if befallen and len(places) > 1 and chance.random() < faults.short:
            places = places[: faults.short_rows or chance.randrange(1, len(places))]
        last = int(self._cursors[places[-1]]) if len(places) else since
        if befallen and len(places) > 2 and chance.random() < faults.lost:  # noqa: PLR2004 - neither of its ends
            places = np.delete(places, chance.randrange(1, len(places) - 1))
        self._reached = self._reached if goes_back else last
        silent = befallen and chance.random() < faults.no_last
        return Page(list(self._rows(places)), None if silent else last)

    def _places(self, visible: Ints, since: int, count: int) -> Ints:
        """Of which trades the page is."""
        times, cursor_of = self._tape.time_ns[visible], self._cursors[visible]
        first = following = int(np.searchsorted(cursor_of, since, side="left" if self._faults.coarse else "right"))
        if self._repeats and following and cursor_of[following - 1] == since:
            first = max(following - count // 2, int(np.searchsorted(times, times[following - 1])))
        return visible[first : first + count]

    def _rows(self, places: Ints) -> Iterator[str]:
        tape = self._tape
        texts = zip(
            decimal_text(tape.price_ticks[places], tape.price_decimals),
            decimal_text(tape.volume_units[places], VOLUME_DECIMALS),
            tape.time_ns[places].tolist(),
            tape.buys[places].tolist(),
            [""] * len(places) if self._ids is None else [f",{number}" for number in self._ids[places].tolist()],
            strict=True,
        )
        for price, volume, time_ns, buy, end in texts:
            # All nine decimals of the time, which Kraken cuts to what a double keeps: a slot's end stays before it.
            time = f"{time_ns // NS}.{time_ns % NS:09d}"
            yield f'["{price}","{volume}",{time},"{"b" if buy else "s"}","l",""{end}]'
