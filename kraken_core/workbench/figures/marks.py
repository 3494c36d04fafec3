"""Marks of spans that may be too short to be seen: each is drawn wide enough, and those that meet then are one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kraken_core.domain.timerange import TimeRange

STEPS = 400  # of a figure: what is narrower than one is drawn as wide as one


class SpanMark(NamedTuple):
    """Where a mark is drawn, and for how ``many`` spans: from the first one's start to the last one's end."""

    start: int
    end: int
    spans: TimeRange
    many: int


def marks(spans: Iterable[tuple[int, int]], window: TimeRange) -> list[SpanMark]:
    """Marks of all the spans of a window, in order; one at the window's end begins before its span."""
    step = max(1, (window.end - window.start) // STEPS)
    found: list[SpanMark] = []
    for start, end in sorted(spans):
        first = min(start, window.end - step)
        last = max(end, first + step)
        if found and first <= found[-1].end:
            before = found[-1]
            both = TimeRange(before.spans.start, max(before.spans.end, end))
            found[-1] = SpanMark(before.start, max(before.end, last), both, before.many + 1)
        else:
            found.append(SpanMark(first, last, TimeRange(start, end), 1))
    return found
