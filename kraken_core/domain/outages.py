"""Exchanges that were needed and did not answer, each with why: what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kraken_core.domain.venues import SPOT_NAME, venue

Outages = Mapping[str, str]  # why each did not answer, by the name of the exchange


def called(name: str) -> str:
    """What an exchange is called in a sentence: Kraken spot is the exchange, others have their titles."""
    return "the exchange" if name == SPOT_NAME else venue(name).title


def not_reached(outages: Outages) -> str:
    """Which exchanges were not reached, and why; "" where none is missed."""
    return " ".join(f"{called(name)} was not reached: {outages[name]}" for name in spot_first(outages))


def spot_first(names: Iterable[str]) -> list[str]:
    """Names of exchanges in the order in which they are named: Kraken spot, then the others by name."""
    return sorted(names, key=lambda name: (name != SPOT_NAME, name))
