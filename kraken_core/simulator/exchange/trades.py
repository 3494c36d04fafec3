"""The Trades endpoint (https://docs.kraken.com/api/docs/rest-api/get-recent-trades, as domain 1.3 has measured it).

The cursor counts nanoseconds, and here no two trades share one: a trade's cursor is its time, or one nanosecond more
than the cursor before it where that is later. So any number of trades in one millisecond, or even in one nanosecond,
can be told apart by it, and pages of any size reach the end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kraken_core.simulator.tape import NS, Ints, Tape

MOST = 1_000  # trades a page


def cursors(tape: Tape) -> Ints:
    """The cursor of each trade: strictly ascending, never before its time."""
    places = np.arange(len(tape))
    return np.maximum.accumulate(tape.time_ns - places) + places


class TradeBook:
    """A pair's trades as pages.

    With ``repeats`` a page asked for from where another one ended begins with the trades of that one's last instant
    again, though they fill at most half of it, so that every page of two or more leads on.
    """

    def __init__(self, tape: Tape, *, ids: bool, repeats: bool) -> None:
        self._tape = tape
        self._cursors = cursors(tape)
        self._ids = ids
        self._repeats = repeats

    def page(self, since: int, count: int, now_ns: int) -> tuple[list[str], int]:
        """Up to ``count`` trades after the cursor as JSON, oldest first, and the cursor of the last one.

        Trades of ``now_ns`` and later have not happened yet.
        """
        times = self._tape.time_ns
        known = int(np.searchsorted(times, now_ns))
        first = following = int(np.searchsorted(self._cursors[:known], since, side="right"))
        if self._repeats and following and self._cursors[following - 1] == since:
            first = max(following - count // 2, int(np.searchsorted(times, times[following - 1])))
        stop = min(first + count, known)
        return list(self._rows(first, stop)), int(self._cursors[stop - 1]) if stop > first else since

    def _rows(self, first: int, stop: int) -> Iterator[str]:
        part = self._tape[first:stop]
        texts = zip(
            part.prices(), part.volumes(), part.time_ns.tolist(), part.buys.tolist(), part.ids.tolist(), strict=True
        )
        for price, volume, time_ns, buy, number in texts:
            # All nine decimals of the time, which Kraken cuts to what a double keeps: a slot's end stays before it.
            time = f"{time_ns // NS}.{time_ns % NS:09d}"
            end = f",{number}" if self._ids else ""
            yield f'["{price}","{volume}",{time},"{"b" if buy else "s"}","l",""{end}]'
