"""What a ledger knows, read once for as long as nothing in it changes: for whoever reads thousands of ranges."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from kraken_core.domain.market import Pair, Series
from kraken_core.ports import PairRecord

if TYPE_CHECKING:
    import polars as pl

    from kraken_core.domain.coverage import Assertion, DataCoverageRange
    from kraken_core.domain.differences import Difference
    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.names import Names
    from kraken_core.domain.scope import Detection
    from kraken_core.domain.timerange import TimeRanges
    from kraken_core.ledger.ledger import SqlLedger
    from kraken_core.ledger.undone import UndoMark

Answer = TypeVar("Answer")


class RememberedRecords:
    """QueriedRecords of a ledger, and its names; whatever is committed anywhere is seen by the next call."""

    def __init__(self, ledger: SqlLedger) -> None:
        self.ledger = ledger
        self._version: int | None = None
        self._answers: dict[Hashable, object] = {}

    def names(self) -> Names:
        """What the exchange calls its pairs."""
        return self._once("names", self.ledger.names)

    def latest_undo(self) -> UndoMark | None:
        """The latest undo that has begun; None where there was none."""
        return self._once("latest undo", self.ledger.latest_undo)

    def pairs(self) -> list[PairRecord]:
        """See ports.KnownRecords."""
        return self._once("pairs", self.ledger.pairs)

    def detections(self) -> Mapping[Series, Detection]:
        """See ports.KnownRecords."""
        return self._once("detections", self.ledger.detections)

    def coverage(self, series: Collection[Series] | None = None) -> list[DataCoverageRange]:
        """See ports.KnownRecords."""
        key = None if series is None else frozenset(series)
        return self._once(("coverage", key), lambda: self.ledger.coverage(series))

    def assertions(self, pairs: Collection[Pair] | None = None) -> list[Assertion]:
        """See ports.KnownRecords: not remembered, there are too many."""
        return self.ledger.assertions(pairs)

    def gaps(self, series: Collection[Series] | None = None) -> list[GapRecord]:
        """See ports.KnownRecords: not remembered, only refusals name them."""
        return self.ledger.gaps(series)

    def differences(self, series: Collection[Series] | None = None) -> list[Difference]:
        """See ports.KnownRecords: not remembered."""
        return self.ledger.differences(series)

    def asleep(self, pairs: Collection[Pair] | None = None) -> Mapping[Pair, TimeRanges]:
        """See ports.QueriedRecords: not remembered."""
        return self.ledger.asleep(pairs)

    def table_frame(self, name: str) -> pl.DataFrame:
        """See ports.QueriedRecords: not remembered."""
        return self.ledger.table_frame(name)

    def _once(self, key: Hashable, read: Callable[[], Answer]) -> Answer:
        """What was read last, unless something changed. The version is looked at first: what comes later is seen."""
        version = self.ledger.data_version()
        if version is None:
            return read()
        if version != self._version:
            self._version, self._answers = version, {}
        answers = self._answers
        if key not in answers:
            answers[key] = read()
        return cast("Answer", answers[key])
