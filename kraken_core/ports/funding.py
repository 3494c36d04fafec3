"""Where funding rates are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kraken_core.domain.funding import FundingRate, FundingRecorded
    from kraken_core.domain.market import Pair


class FundingLedger(Protocol):
    """Funding rates of perpetuals, by their times."""

    def record_funding_rates(self, pair: Pair, rates: Iterable[FundingRate]) -> FundingRecorded:
        """Store rates of a perpetual, at most one an instant; those that are stored and differ are replaced."""
        ...

    def funding_rates(self, pair: Pair, start: int = ..., end: int = ...) -> list[FundingRate]:
        """The stored rates of a perpetual from an instant up to another, by time."""
        ...

    def funded_pairs(self) -> list[Pair]:
        """The perpetuals of which rates are stored, sorted."""
        ...
