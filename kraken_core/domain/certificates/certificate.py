"""A certificate: what is stored of a span of time, and on what evidence, joined in one root hash.

Nothing in it depends on a machine, on the order in which sources came or on when they did. Around the root it says as
of when the gaps were looked for and which software wrote it; a second hash, the seal, binds that to the root.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from kraken_core.domain.certificates import merkle
from kraken_core.domain.certificates.candle_hashes import MonthHash, month_number
from kraken_core.domain.certificates.locators import LOCATOR_BYTES
from kraken_core.domain.errors import NoCertificateError
from kraken_core.domain.gc_pause import gc_paused
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, iso

FORMAT = "kraken-history certificate 1"
_HASH_BYTES = 32
STATEMENTS = ("coverage", "claims", "gaps")  # of a series: all but the candles


class CertifiedClaim(NamedTuple):
    """What a source claims to cover of a series: a file by the hash of its content, an archive, or kinds of requests.

    ``proved``: it gave every trade of the ranges by consecutive ids.
    """

    source: str
    evidence: str
    proved: bool
    ranges: TimeRanges


@dataclass(frozen=True)
class SeriesCertificate:
    """What is stored of a series: covered ranges by grade, the evidence, what is missing, and its candles by month."""

    series: Series
    coverage: Mapping[Grade, TimeRanges]
    claims: tuple[CertifiedClaim, ...]
    gaps: TimeRanges
    months: tuple[MonthHash, ...]

    @property
    def candles(self) -> int:
        """How many candles are certified."""
        return sum(month.candles for month in self.months)

    @cached_property
    def statements(self) -> dict[str, Any]:
        """All but the candles, as JSON."""
        coverage = {grade.value: _ranges(found) for grade, found in self.coverage.items() if found}
        claims = [{**claim._asdict(), "ranges": _ranges(claim.ranges)} for claim in self.claims]
        return {"coverage": coverage, "claims": claims, "gaps": _ranges(self.gaps)}

    @property
    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {**self._name, **self.statements, "months": list(map(_month, self.months))}

    @property
    def leaves(self) -> Iterator[bytes]:
        """The hashes of its parts: its statements, then its months."""
        yield merkle.leaf({**self._name, **self.statements})
        # As canonical() writes them, for the encoder takes most of the time of 600,000 months. None has to be escaped.
        interval, pair = self.series.interval, merkle.canonical(str(self.series.pair)).decode()
        for month, candles, sha256, locators in self.months:
            text = (
                f'{{"candles":{candles},"interval":{interval},"locators":"{locators}","month":"{month}",'
                f'"pair":{pair},"sha256":"{sha256}"}}'
            )
            yield merkle.leaf_of(text.encode())

    @property
    def _name(self) -> dict[str, Any]:
        return {"pair": str(self.series.pair), "interval": self.series.interval}


@dataclass(frozen=True)
class Certificate:
    """What is stored of series from ``span.start`` up to ``span.end``; sorted by series.

    ``as_of`` is the instant of the last detection, None before the first; ``software`` what wrote it.
    """

    span: TimeRange
    as_of: int | None
    software: str
    series: tuple[SeriesCertificate, ...]

    @cached_property
    def root(self) -> str:
        """The Merkle root over the span, and what is certified of each series."""
        leaves = [merkle.leaf({"format": FORMAT, **self._span})]
        for each in self.series:
            leaves += each.leaves
        return merkle.root(leaves)

    @property
    def document(self) -> dict[str, Any]:
        """The certificate as JSON."""
        as_of = None if self.as_of is None else iso(self.as_of)
        header = {"format": FORMAT, **self._span, "as_of": as_of, "software": self.software, "root": self.root}
        return {**header, "seal": merkle.seal(header), "series": [each.document for each in self.series]}

    @property
    def candles(self) -> int:
        """How many candles are certified."""
        return sum(each.candles for each in self.series)

    @property
    def _span(self) -> dict[str, str]:
        return {"start": iso(self.span.start), "end": iso(self.span.end)}


@gc_paused()
def parse(document: Any) -> Certificate:  # noqa: ANN401 - any JSON value
    """The certificate that a JSON document is. Raises NoCertificateError where it is none, or not as it was written."""
    try:
        known = document["format"]
        if known != FORMAT:
            raise NoCertificateError(f"its format is {known!r}; this program reads {FORMAT!r}")
        found = Certificate(
            TimeRange(_instant(document["start"]), _instant(document["end"])),
            None if document["as_of"] is None else _instant(document["as_of"]),
            document["software"],
            tuple(map(_series, document["series"])),
        )
        written = found.document
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise NoCertificateError(f"it has not the form of one ({type(error).__name__}: {error})") from error
    if written["root"] != document["root"]:
        raise NoCertificateError("its content does not give its root: it was altered, or is incomplete")
    if written != document:
        raise NoCertificateError("its seal, or its form, is not what its content gives: it was altered")
    return found


def _series(document: Any) -> SeriesCertificate:  # noqa: ANN401 - any JSON value
    months = tuple(MonthHash(**month) for month in document["months"])
    for month in months:
        month_number(month.month)
        whole = len(base64.b64decode(month.locators, validate=True)) % LOCATOR_BYTES == 0
        if not whole or type(month.candles) is not int or len(bytes.fromhex(month.sha256)) != _HASH_BYTES:
            raise ValueError(month)
    return SeriesCertificate(
        Series(Pair.stored(document["pair"]), document["interval"]),
        {Grade(grade): _parsed(ranges) for grade, ranges in document["coverage"].items()},
        tuple(CertifiedClaim(**{**claim, "ranges": _parsed(claim["ranges"])}) for claim in document["claims"]),
        _parsed(document["gaps"]),
        months,
    )


def _month(found: MonthHash) -> dict[str, Any]:
    return dict(zip(MonthHash._fields, found, strict=True))


def _ranges(found: TimeRanges) -> list[list[str]]:
    return [[iso(start), iso(end)] for start, end in found]


def _parsed(ranges: Sequence[Sequence[str]]) -> TimeRanges:
    return TimeRanges.of((_instant(start), _instant(end)) for start, end in ranges)


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
