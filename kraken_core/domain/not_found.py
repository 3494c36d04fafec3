"""Pairs that were asked for and are found nowhere (domain rule 16): why, and which name may have been meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from kraken_core.domain.exchange import Market
from kraken_core.domain.market import Pair

ALIKE = 0.8  # of difflib's ratio, from which on a name may have been mistyped


def found_nowhere(pairs: Iterable[Pair], market: Market | None, others: Collection[Pair]) -> dict[Pair, str]:
    """Why nothing is known of each of the pairs; ``others`` are pairs that there are, ``market`` where it was asked."""
    names = {str(pair) for pair in (*others, *(market.listed if market else ()))}
    return {pair: _reason(pair, market, names) for pair in pairs}


def _reason(pair: Pair, market: Market | None, names: Collection[str]) -> str:
    if market and pair in market.listed:
        return f"no source holds {pair}"
    unlisted = " and the exchange does not list it" if market else ""
    meant = get_close_matches(str(pair), sorted(set(names) - {str(pair)}), 1, ALIKE)
    return f"no source holds {pair}{unlisted}" + (f": did you mean {meant[0]}?" if meant else "")
