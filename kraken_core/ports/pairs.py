"""The pairs and assets that are known, and what the exchange calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kraken_core.domain.exchange import Market
    from kraken_core.domain.life import Life
    from kraken_core.domain.listing_history import ListingHistory
    from kraken_core.domain.market import Pair
    from kraken_core.domain.names import Names


class PairRecord(NamedTuple):
    """A pair in the ledger, and its life; ``lives`` is empty until a candle of it was seen."""

    pair: Pair
    tier: str | None
    lives: tuple[Life, ...]


class AssetRecord(NamedTuple):
    """An asset and the number it is known by, in the ledger and wherever its candles are kept by number."""

    id: int
    ticker: str
    tier: str | None = None


class RenamedRows(NamedTuple):
    """How much is recorded of a pair that was renamed."""

    files: int
    claims: int


class PairLedger(Protocol):
    """The pairs and assets that are known, and what the exchange calls them.

    Every method is one transaction.
    """

    def assets(self, tickers: Collection[str] = ()) -> list[AssetRecord]:
        """Every asset known, by id; new ones among ``tickers`` are given their ids first."""
        ...

    def adopt_assets(self, assets: Sequence[AssetRecord]) -> None:
        """Give assets the numbers they have elsewhere. Raises LedgerError where other assets have those here."""
        ...

    def record_pairs(self, pairs: Sequence[PairRecord]) -> None:
        """Insert or update pairs, their assets' tiers and their lives."""
        ...

    def pairs(self) -> list[PairRecord]:
        """Every pair known, sorted; without those that were renamed."""
        ...

    def names(self) -> Names:
        """What the exchange calls its pairs, as of its last answer; those it lists no more included."""
        ...

    def remember_names(self, names: Names) -> None:
        """Keep what the exchange calls its pairs; a pair that it lists is not hidden as renamed any more."""
        ...

    def record_answer(self, market: Market) -> int:
        """Keep what the exchange lists, as far as it differs from what it listed last; returns how many pairs do."""
        ...

    def listing_history(self) -> ListingHistory:
        """What the exchange listed, and when: every answer that differs from the one before it."""
        ...

    def renamed(self) -> Mapping[Pair, Pair]:
        """The pairs that were renamed, and what they are called now."""
        ...

    def rename_pairs(self, renames: Mapping[Pair, Pair]) -> Mapping[Pair, RenamedRows]:
        """Have all that is recorded of a pair be of another one; returns how much that was.

        Coverage and lives of both are to be computed again. The old pair is gone.
        """
        ...
