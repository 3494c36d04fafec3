"""What is checked before candles are read: which pairs are meant, and whether they are as required."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.requests import When
from kraken_core.workbench.value_reads import ValueReads

if TYPE_CHECKING:
    from kraken_core.workbench.certificates.certificates import Certificates
    from kraken_core.workbench.queries.known_at import KnownState
    from kraken_core.workbench.queries.renames import RenamedReading

OneOrMore = str | Pair | Iterable[str | Pair]


class ReadOptions(TypedDict, total=False):
    """How candles may be read, besides which: see :meth:`CandleReads.candles`."""

    pairs: Iterable[str | Pair] | None
    pivot: str | None
    fill: str | None
    partial: bool
    version: int | None
    require_complete: bool
    evidence: str | None
    follow_renames: bool
    certificate: str | Path | None
    as_known_at: When | None
    flags: bool
    vwap: bool


class ReadChecks(ValueReads):
    """Finds what is meant, and refuses what is not as complete as required."""

    @property
    def certificates(self) -> Certificates:
        """Certificates of what is stored: making them, and checking candles against them."""
        from kraken_core.workbench.certificates.certificates import Certificates

        return Certificates(self)

    def _named(self, pair: OneOrMore | None, pairs: Iterable[str | Pair] | None) -> tuple[list[Pair], bool]:
        """The pairs that are meant, each once, and whether they were named as several. Raises UsageError."""
        named = pairs if pair is None else pair
        if named is None or (pair is not None and pairs is not None):
            raise UsageError("name one pair, a list of pairs in its place, or pairs=[…].")
        single = isinstance(pair, (str, Pair))
        given = [named] if isinstance(named, (str, Pair)) else list(named)
        if not given:
            raise UsageError('name pairs as a list, such as pairs=["BTC/USD", "ETH/USD"].')
        names = self.records.names()
        return list(dict.fromkeys(each if isinstance(each, Pair) else names.pair(each) for each in given)), not single

    def _known_or_remembered(self, at: When | None) -> KnownState:
        """As :meth:`known`; what is known now is read again only once anything changed."""
        known = self.known(at)
        return known._replace(ledger=self.records) if at is None else known

    def _check_complete(
        self,
        pairs: Sequence[Pair],
        interval: int,
        window: TimeRange,
        known: KnownState,
        *,
        version: int | None,
        evidence: str | None,
        by_all_names: RenamedReading | None = None,
    ) -> None:
        """Raises IncompleteError where a pair is not complete in the window, on evidence as asked for."""
        from kraken_core.workbench.queries.many_pairs import check_all
        from kraken_core.workbench.queries.required import Required, parse_grade

        if version not in {None, self.store.version}:
            raise UsageError("whether an earlier version was complete is not kept: leave the version out.")
        required, grade = Required(known.ledger, known.now), parse_grade(evidence)
        if by_all_names:
            check_all(pairs, lambda pair: by_all_names.check(pair, interval, window, required, grade))
        else:
            check_all(pairs, lambda pair: required.check(pair, interval, window, grade))

    def _certified(
        self,
        certificate: str | Path,
        pairs: Sequence[Pair],
        interval: int,
        window: TimeRange,
        version: int | None,
        *,
        follow_renames: bool,
    ) -> TimeRange:
        """The window, as far as it is certified: see :meth:`Certificates.require`."""
        if follow_renames:
            raise UsageError("a certificate is of a pair by one name: leave certificate or follow_renames out.")
        if len(pairs) > 1:
            raise UsageError(
                "a certificate is checked for one pair at a time: name one pair, or leave the certificate out."
            )
        return self.certificates.require(certificate, pairs[0], interval, window, version)
