"""What sweeps saw of a pair's trade ids, range by range, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kraken_core.domain.life import Life
from kraken_core.domain.market import Pair

_A_DAY_S = 86_400


class TradeSpan(NamedTuple):
    """What a sweep saw of a pair's ids in ``[start, end)``, epoch seconds.

    ``first_id`` and ``last_id`` are those of its trades, None where it had none or the id is unknown. ``whole``: every
    id between the two was seen. ``phantoms`` ids were skipped there, and stayed away when they were requested again.
    """

    pair: Pair
    start: int
    end: int
    first_id: int | None
    last_id: int | None
    whole: bool
    phantoms: int


def joined(spans: Iterable[TradeSpan]) -> list[TradeSpan]:
    """Spans as they were seen, page by page, those whose ids follow each other as one; likewise those without any."""
    result: list[TradeSpan] = []
    for span in spans:
        before = result[-1] if result else None
        if before and (before.pair, before.end) == span[:2] and _follows(before, span):
            phantoms = before.phantoms + span.phantoms
            result[-1] = before._replace(end=span.end, last_id=span.last_id, phantoms=phantoms)
        else:
            result.append(span)
    return result


def id_before(spans: Iterable[TradeSpan], start: int, listed: int | None) -> int | None:
    """The id of the last trade before an instant (epoch seconds), where sweeps have seen it; None where nobody knows.

    ``spans`` are what they saw of the pair. Before the first trade of all, at ``listed``, there was none: 0.
    """
    if listed is not None and start <= listed:
        return 0
    return next((span.last_id for span in spans if span.end == start and span.whole), None)


def rate_of_ids(seen: Iterable[tuple[int, int]], lives: Sequence[Life]) -> float | None:
    """The trades a second of a pair, by what ids were seen, and when (epoch seconds); None where it is too short.

    The first trade of all has the id 1.
    """
    ends = sorted([*seen, *((life.start, 1) for life in lives[:1] if not life.assumed)])
    if not ends or ends[-1][0] - ends[0][0] < _A_DAY_S:
        return None
    (start, first), (end, last) = ends[0], ends[-1]
    return max(last - first, 1) / (end - start)


def _follows(before: TradeSpan, span: TradeSpan) -> bool:
    if before.whole and span.whole:
        return before.last_id is not None and span.first_id == before.last_id + 1
    return {before.first_id, before.last_id, span.first_id, span.last_id} == {None}
