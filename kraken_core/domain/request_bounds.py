"""Between what bounds the requests of a plan lie, where gaps show only when files are read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from kraken_core.domain.gaps import GapRecord
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life, relisted
from kraken_core.domain.market import Pair
from kraken_core.domain.repairs import RepairPlanner

RATE_IS_OFF_BY = 2  # a pair may have traded so many times as often as it did lately
A_PAIR = 4  # requests more for each pair: answers that are compared, and what comes to light when the job looks


def most_requests(
    repairing: RepairPlanner,
    knowledge: Knowledge,
    pairs: Collection[Pair],
    unlisted: Collection[Pair],
    gaps: Sequence[GapRecord],
) -> int:
    """How many requests a job may turn out to need: as if its files had nothing of the requested days.

    ``knowledge`` is what is known before any of them is read. It is not known yet when the ``unlisted`` pairs were
    listed, or listed again, which takes a request each: they may have lived all the time.
    """
    scope = repairing.scope
    start = scope.request.window(scope.as_of).start
    lives: dict[Pair, Sequence[Life]] = {pair: (Life(start),) for pair in unlisted}
    known = {pair: relisted(life) if pair in lives else life for pair, life in knowledge.lives.items() if life}
    worst = Knowledge(lives | known, knowledge.claims)
    wanted, _ = scope.wanted(worst, {*pairs, *lives})
    boundless = replace(repairing, scope=replace(scope, request=replace(scope.request, max_requests=None)))
    repairs = boundless.route_repairs(worst, wanted, gaps).all
    left_over = sum(repair.left_over for repair in repairs.repairs)
    return len(unlisted) + RATE_IS_OFF_BY * repairs.requests + left_over + A_PAIR * len(repairs.repairs)
