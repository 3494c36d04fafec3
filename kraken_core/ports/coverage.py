"""What follows from the claims: covered ranges, findings, gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kraken_core.domain.coverage import DataCoverageRange
    from kraken_core.domain.findings import Findings
    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.market import Pair, Series
    from kraken_core.domain.scope import Detection
    from kraken_core.domain.timerange import TimeRange, TimeRanges


class Unexamined(NamedTuple):
    """What was claimed or withdrawn since pairs were examined last, when they ``lived`` by what was known then.

    ``newest`` is the newest claim there is.
    """

    touched: Mapping[Series, TimeRanges]
    lived: Mapping[Pair, TimeRanges]
    newest: int


class CoverageLedger(Protocol):
    """What follows from the claims: covered ranges, findings, gaps.

    Every method is one transaction.
    """

    def replace_coverage(self, coverage: Mapping[Series, Sequence[DataCoverageRange]]) -> None:
        """Set the covered ranges of these series. Raises LedgerError where two of a series overlap: nothing is set."""
        ...

    def coverage(self, series: Collection[Series] | None = None) -> list[DataCoverageRange]:
        """Covered ranges by series and time; of all series where none are given."""
        ...

    def unexamined(self, pairs: Collection[Pair]) -> Unexamined:
        """What was claimed or withdrawn of the pairs since each was examined last."""
        ...

    def findings(self, pairs: Collection[Pair] | None = None) -> Mapping[Series, Findings]:
        """What holding series against each other showed, by series; of all pairs where none are given."""
        ...

    def judged_silences(self, within: TimeRanges) -> Mapping[Series, TimeRanges]:
        """The spans of all series that were judged by what is stored of other pairs, and reach into some time."""
        ...

    def record_findings(
        self, findings: Mapping[Series, Findings], examined: Mapping[Pair, TimeRanges], newest: int
    ) -> None:
        """Set the findings of these series; pairs were ``examined`` up to the ``newest`` claim, as they lived then."""
        ...

    def record_gaps(
        self, detections: Mapping[Series, Detection], gaps: Sequence[GapRecord], filled: Sequence[GapRecord]
    ) -> list[GapRecord]:
        """Store a detection: all open gaps of the detected series become ``gaps``.

        A gap with an id updates its record, one without becomes a new record. Open records of the series that are
        in neither list are removed (their range went into another's). ``filled`` ones are closed as FILLED.
        Returns ``gaps`` with their ids.
        """
        ...

    def gaps(self, series: Collection[Series] | None = None, *, open_only: bool = True) -> list[GapRecord]:
        """Gaps by series and time; of all series where none are given."""
        ...

    def detections(self, *, limited: bool = True) -> Mapping[Series, Detection]:
        """The last detection of every series, as far as something is expected of it; or as jobs were asked for it."""
        ...

    def limits(self) -> Mapping[Series, TimeRange]:
        """What of series is expected at most, whatever jobs ask for; an empty range is nothing."""
        ...

    def set_limits(self, limits: Mapping[Series, TimeRange | None]) -> None:
        """Expect no more of these series than their limits; None lifts one. Gaps are to be detected anew."""
        ...
