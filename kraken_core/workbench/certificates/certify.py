"""Certify: what a home stores of a selection, and on what evidence, as a certificate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kraken_core.domain.certificates.candle_hashes import MonthHash
from kraken_core.domain.certificates.certificate import Certificate, SeriesCertificate
from kraken_core.domain.certificates.evidence import evidence_of, graded
from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.errors import UsageError
from kraken_core.domain.life import expected_slots
from kraken_core.domain.market import Series
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges
from kraken_core.ports import Ledger
from kraken_core.workbench.certificates.hashing import Hashing
from kraken_core.workbench.queries.holdings import Holdings


@dataclass(frozen=True, slots=True)
class Certifying:
    """Makes certificates of a ledger and a candle table."""

    ledger: Ledger
    holdings: Holdings
    hashing: Hashing
    software: str

    def certificate(self, selection: Selection) -> Certificate:
        """The certificate of a selection: of its days, else from the first covered slot of any series to the last.

        Where one series ends before another, what is missing from it is a gap. Raises UsageError where nothing is
        covered.
        """
        covered = self.holdings.coverage(selection)
        if not covered:
            raise UsageError("nothing is stored of that: see kraken-history coverage for what is.")
        as_of = self.holdings.as_of
        window = selection.window(END_OF_TIME if as_of is None else as_of)
        first, last = min(each.start for each in covered), max(each.end for each in covered)
        span = TimeRange(
            first if selection.start_date is None else window.start,
            last if selection.end_date is None else window.end,
        )
        detected = self.ledger.detections()
        known = self.holdings.known(selection)
        found = self.of(known, span)
        with_something = {each.series for each in covered} | {each for each in known if each in detected}
        chosen = tuple(each for each in found if each.months or each.series in with_something)
        return Certificate(span, as_of, self.software, chosen)

    def of(self, series: Collection[Series], span: TimeRange) -> list[SeriesCertificate]:
        """What is certified of series within a span, sorted."""
        ordered = sorted(series, key=lambda each: (str(each.pair), each.interval))
        pairs = {each.pair for each in ordered}
        claims = evidence_of(self.ledger.assertions(pairs), span)
        lives = {record.pair: record.lives for record in self.ledger.pairs()}
        coverage = _by_series(self.ledger.coverage())
        months: Mapping[Series, Sequence[MonthHash]] = self.hashing.months(ordered, span)
        result = []
        for each in ordered:
            ranges = graded(coverage.get(each, ()), span)
            slots = TimeRanges.single(*span).inner(each.width)
            expected = expected_slots(lives.get(each.pair, ()), slots, each.width)
            known = TimeRanges.of(part for found in ranges.values() for part in found)
            result.append(SeriesCertificate(each, ranges, claims.get(each, ()), expected - known, tuple(months[each])))
        return result


def _by_series(coverage: Sequence[DataCoverageRange]) -> dict[Series, list[DataCoverageRange]]:
    found: dict[Series, list[DataCoverageRange]] = {}
    for each in coverage:
        found.setdefault(each.series, []).append(each)
    return found
