"""Two certificates of the same series and span beside each other: which months are equal, and what differs first."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kraken_core.domain.certificates.candle_hashes import MonthHash, month_number, month_start
from kraken_core.domain.certificates.certificate import STATEMENTS, SeriesCertificate
from kraken_core.domain.certificates.locators import first_difference
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import iso


class MonthDifference(NamedTuple):
    """A month whose candles are not those certified: how many were certified, and how many were found.

    ``first`` is the open time (epoch seconds) of the candle that differs, if ``exact``: it is the only one of its part
    of the month. Otherwise several do, at or after ``first``, and a certificate alone cannot name them.
    """

    series: Series
    month: str
    certified: int
    found: int
    first: int
    exact: bool

    def __str__(self) -> str:
        if not self.found:
            return f"{self.series} {self.month}: none of its {self.certified:,} candles is there"
        counts = "" if self.certified == self.found else f" ({self.found:,} candles instead of {self.certified:,})"
        return f"{self.series} {self.month}, first {'at' if self.exact else 'at or after'} {iso(self.first)}{counts}"


class StatementDifference(NamedTuple):
    """A statement about a series that is not the certified one; ``what`` is coverage, claims or gaps."""

    series: Series
    what: str

    def __str__(self) -> str:
        return f"{self.what} of {self.series}"


class CertificateComparison(NamedTuple):
    """How many months are equal, and all that differs."""

    equal: int
    months: tuple[MonthDifference, ...] = ()
    statements: tuple[StatementDifference, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not self.months and not self.statements


def compared(certified: Iterable[SeriesCertificate], found: Iterable[SeriesCertificate]) -> CertificateComparison:
    """What was found of all that was certified, statements included."""
    theirs = {each.series: each for each in found}
    statements = [
        StatementDifference(each.series, what)
        for each in certified
        for what in STATEMENTS
        if each.series not in theirs or getattr(theirs[each.series], what) != getattr(each, what)
    ]
    candles = compared_candles(certified, {series: each.months for series, each in theirs.items()})
    return candles._replace(statements=tuple(statements))


def compared_candles(
    certified: Iterable[SeriesCertificate], found: Mapping[Series, Sequence[MonthHash]]
) -> CertificateComparison:
    """The months that were found, of the series certified; those that are in neither count as nothing."""
    differing: list[MonthDifference] = []
    equal = 0
    for each in certified:
        ours = {month.month: month for month in each.months}
        theirs = {month.month: month for month in found.get(each.series, ())}
        equal += sum(month.same(theirs.get(name)) for name, month in ours.items())
        differing += _differing(each.series, ours, theirs)
    return CertificateComparison(equal, tuple(differing))


def _differing(
    series: Series, ours: Mapping[str, MonthHash], theirs: Mapping[str, MonthHash]
) -> Iterator[MonthDifference]:
    for name in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(name), theirs.get(name)
        if mine is not None and mine.same(other):
            continue
        counts = [month.candles if month else 0 for month in (mine, other)]
        first, slot = _first(mine, other)
        exact = slot is not None
        at = month_start(month_number(name)) + (first if slot is None else slot) * series.width
        yield MonthDifference(series, name, counts[0], counts[1], at, exact)


def _first(mine: MonthHash | None, other: MonthHash | None) -> tuple[int, int | None]:
    """The first slot of the part that differs, and the slot that does; the month's first without locators."""
    ours, theirs = (base64.b64decode(month.locators) if month else b"" for month in (mine, other))
    return first_difference(ours, theirs) or (0, None)
