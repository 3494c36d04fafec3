"""The evidence in a certificate: the same in whatever order and whenever sources came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from kraken_core.domain.candles import Source, from_api
from kraken_core.domain.certificates.certificate import CertifiedClaim
from kraken_core.domain.coverage import TAKEN_OVER, Assertion, DataCoverageRange, kind_of_request, standing_claims
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges


def evidence_of(assertions: Iterable[Assertion], span: TimeRange) -> dict[Series, tuple[CertifiedClaim, ...]]:
    """The valid claims of each series to a span, by source and evidence.

    What was derived is no evidence of its own, and which of it is claimed depends on what came first: left out.
    """
    found: dict[Series, dict[tuple[str, str, bool], list[TimeRange]]] = defaultdict(lambda: defaultdict(list))
    for claim, ranges in standing_claims(assertions):
        if claim.source is not Source.DERIVED:
            kind = (claim.source.value, _evidence(claim), claim.proved)
            found[claim.series][kind] += ranges.clip(*span)
    return {
        series: tuple(
            CertifiedClaim(*kind, TimeRanges.of(ranges)) for kind, ranges in sorted(by_kind.items()) if ranges
        )
        for series, by_kind in found.items()
    }


def graded(coverage: Sequence[DataCoverageRange], span: TimeRange) -> Mapping[Grade, TimeRanges]:
    """The covered ranges of a series within a span, by grade."""
    by_grade: dict[Grade, list[tuple[int, int]]] = defaultdict(list)
    for covered in coverage:
        by_grade[covered.grade].append((covered.start, covered.end))
    found = {grade: TimeRanges.of(by_grade[grade]).clip(*span) for grade in Grade if grade in by_grade}
    return {grade: ranges for grade, ranges in found.items() if ranges}


def _evidence(claim: Assertion) -> str:
    """The evidence without what is of one machine or one moment: of answers the kind of request alone."""
    if claim.evidence.startswith(TAKEN_OVER):
        return TAKEN_OVER.rstrip(":")
    if not from_api(claim.rank):
        return claim.evidence
    return kind_of_request(claim.evidence)
