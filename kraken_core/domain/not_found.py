"""Pairs that were requested and are found nowhere (domain rule 16): why, and which name may have been meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from kraken_core.domain.exchange import Market
from kraken_core.domain.market import Pair

ALIKE = 0.8  # of difflib's ratio, from which on a name may have been mistyped


def found_nowhere(pairs: Iterable[Pair], market: Market | None, others: Collection[Pair]) -> dict[Pair, str]:
    """Why each of the pairs was not found; ``others`` are existing pairs, ``market`` what the exchange lists."""
    names = {str(pair) for pair in (*others, *(market.listed if market else ()))}
    return {pair: _reason(pair, market, names) for pair in pairs}


def _reason(pair: Pair, market: Market | None, names: Collection[str]) -> str:
    if market and pair in market.listed:
        return f"no source contains {pair}"
    unlisted = " and the exchange does not list it" if market and pair.venue not in market.away else ""
    meant = _meant(pair, names)
    return f"no source contains {pair}{unlisted}" + (f": did you mean {meant}?" if meant else "")


def no_data(pairs: Iterable[Pair], known: Collection[Pair]) -> str:
    """Sentences that name pairs without any data, each with the one of the ``known`` that may have been meant."""
    names = set(map(str, known))
    meant = {str(pair): _meant(pair, names) for pair in pairs}
    sentences = [f"No data of {name}. Did you mean {other}?" for name, other in meant.items() if other]
    if like_none := [name for name, other in meant.items() if not other]:
        sentences.append(f"No data of {', '.join(like_none)}. List the stored pairs: kraken-history pairs")
    return " ".join(sentences)


def never_ingested(pair: Pair, known: Collection[Pair]) -> str:
    """Why a report has nothing of a pair that the home does not have, and which one may have been meant."""
    meant = _meant(pair, set(map(str, known)))
    return "it was never ingested" + (f": did you mean {meant}?" if meant else "")


def _meant(pair: Pair, names: Collection[str]) -> str:
    """The existing name most like the pair's; "" where none is like it."""
    return next(iter(get_close_matches(str(pair), sorted(set(names) - {str(pair)}), 1, ALIKE)), "")
