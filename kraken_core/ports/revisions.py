"""What was known at an instant: what commits replace is kept, and what was worked out is read as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    import polars as pl

    from kraken_core.domain.coverage import Assertion, DataCoverageRange
    from kraken_core.domain.differences import Difference
    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.market import Pair, Series
    from kraken_core.domain.revisions import Replacement
    from kraken_core.domain.scope import Detection
    from kraken_core.domain.table_mark import TableMark
    from kraken_core.domain.timerange import TimeRanges
    from kraken_core.ports.pairs import PairRecord

# Given, before a commit changes anything, the candle table and the version it goes on from, and what it replaces, in
# parts. It may be called again for a commit that did not land, and must leave the store alone.
KeepReplaced: TypeAlias = "Callable[[TableMark, Iterable[Replacement]], None]"


class KnownRecords(Protocol):
    """What a ledger knows of series, now or at an instant. Every method is one transaction."""

    def coverage(self, series: Collection[Series] | None = None) -> list[DataCoverageRange]:
        """Covered ranges by series and time; of all series where none are given."""
        ...

    def gaps(self, series: Collection[Series] | None = None) -> list[GapRecord]:
        """Open gaps by series and time; of all series where none are given."""
        ...

    def detections(self) -> Mapping[Series, Detection]:
        """The last detection of every series."""
        ...

    def pairs(self) -> list[PairRecord]:
        """Pairs known, sorted."""
        ...

    def assertions(self, pairs: Collection[Pair] | None = None) -> list[Assertion]:
        """Claims and counter-claims in the order they were made; of all pairs where none are given."""
        ...

    def differences(self, series: Collection[Series] | None = None) -> list[Difference]:
        """Where two sources differ, by series and time; of all series where none are given."""
        ...


class QueriedRecords(KnownRecords, Protocol):
    """The same, with what only queries need."""

    def asleep(self, pairs: Collection[Pair] | None = None) -> Mapping[Pair, TimeRanges]:
        """When pairs were silent because the whole exchange stood still; of all pairs where none are given."""
        ...

    def table_frame(self, name: str) -> pl.DataFrame:
        """A table for people: coverage, gaps or differences, and more of them as things are now."""
        ...
