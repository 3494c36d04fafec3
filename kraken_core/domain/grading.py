"""Grades of covered slots, from what sources claim and from what holding them against each other showed (rule 15)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.audit import AuditedSlots
from kraken_core.domain.candles import Source, from_api
from kraken_core.domain.coverage import DataCoverageRange, by_series, coverage_ranges, known, origin
from kraken_core.domain.disputes import disputed, mostly_disputed
from kraken_core.domain.findings import Findings
from kraken_core.domain.gc_pause import gc_paused
from kraken_core.domain.grades import Grade
from kraken_core.domain.knowledge import derived_from
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kraken_core.domain.coverage import Assertion
    from kraken_core.domain.findings import Doubt

_NOTHING = TimeRanges()
_ALWAYS = TimeRanges.single(0, END_OF_TIME)
_NO_DIFFERENCES: Mapping[Series, TimeRanges] = {}
_NO_AUDITS: Mapping[Series, AuditedSlots] = {}
_NOT_AUDITED = AuditedSlots()
_NO_CONTENTS: Mapping[Series, frozenset[str]] = {}


_NONE = Findings()


class Grades(NamedTuple):
    """The slots of a series of each grade but *claimed*, which all other covered ones are. Disjoint."""

    proved: TimeRanges = _NOTHING
    confirmed: TimeRanges = _NOTHING
    doubtful: TimeRanges = _NOTHING


_GRADES = tuple(map(Grade, Grades._fields))


class _Kinds(NamedTuple):
    """What is known of a series: by trade ids, by each independent source, by archives or answers, by deriving."""

    proved: TimeRanges
    sources: dict[str, TimeRanges]  # by evidence; answers of one endpoint are one source, what was adopted is none
    by_file: TimeRanges
    by_answer: TimeRanges
    derived: list[tuple[int, TimeRanges]]  # the finer interval, and what goes back to it

    @classmethod
    def of(cls, claims: Sequence[Assertion]) -> _Kinds:
        """By the claims of the series, in the order they were made."""
        proved: list[tuple[int, int]] = []
        sources: dict[str, list[tuple[int, int]]] = defaultdict(list)
        derived: dict[int, list[tuple[int, int]]] = defaultdict(list)
        kinds: tuple[list[tuple[int, int]], list[tuple[int, int]]] = [], []
        for claim, start, end in known(claims):
            if claim.source is Source.DERIVED:
                derived[derived_from(claim)].append((start, end))
                continue
            if claim.adopted:
                continue
            answer = from_api(claim.rank)
            kinds[answer].append((start, end))
            # All answers of one endpoint are one source: the same answer twice confirms nothing.
            sources[claim.source if answer else claim.evidence].append((start, end))
            if claim.proved:
                proved.append((start, end))
        return cls(
            TimeRanges.of(proved),
            {name: TimeRanges.of(ranges) for name, ranges in sources.items()},
            TimeRanges.of(kinds[False]),
            TimeRanges.of(kinds[True]),
            [(finer, TimeRanges.of(ranges)) for finer, ranges in derived.items()],
        )


def grades(
    assertions: Iterable[Assertion],
    lives: Mapping[Series, TimeRanges],
    findings: Mapping[Series, Findings],
    differing: Mapping[Series, TimeRanges] = _NO_DIFFERENCES,
    audited: Mapping[Series, AuditedSlots] = _NO_AUDITS,
    *,
    ambiguous: Mapping[Series, frozenset[str]] = _NO_CONTENTS,
) -> dict[Series, Grades]:
    """The grades of the slots that the claims cover, by series; those all of whose slots are *claimed* may be absent.

    ``lives`` are the slots of each series in its pair's life; ``differing`` those in which sources have different
    things, so that neither confirms the other. Proved and confirmed is also what was derived from nothing but that,
    doubtful what was derived from any doubtful slot. A suspicious silence is doubted at all intervals: in slots that
    lie inside it, as nothing finer than where it was found has candles there; and of its own source, such as a file of
    trades, in coarser ones that it reaches into, which have too few trades if it has. It is until trade ids prove it,
    or an archive and the exchange agree: the same may be missing from two archives.
    What disagrees with another interval is doubted until trade ids prove it, or an archive and the exchange agree, and
    so is the rest of a file that mostly does.
    What audits have in doubt is doubted at all coarser intervals too, until trade ids prove it.
    ``ambiguous`` is evidence that a file of another pair has too: what it shows is doubted where no other source
    agrees, and confirms nothing.
    """
    result: dict[Series, Grades] = {}
    claims = by_series(assertions)
    unsure = _unsure(claims, ambiguous, differing)
    confirmed = _agreed(findings, unsure)
    contested = disputed(
        {series: found.agreed for series, found in findings.items() if found.agreed},
        {series: found.disagreed for series, found in findings.items() if found.disagreed},
    )
    silent: dict[Pair, list[tuple[int, int]]] = defaultdict(list)  # suspiciously without trades, at any interval
    for series, found in findings.items():
        silent[series.pair] += (doubt[:2] for doubt in found.doubts)
    unseen: dict[Pair, dict[str, TimeRanges]] = defaultdict(dict)  # the same of each source that has slots there
    uncounted: dict[Pair, TimeRanges] = defaultdict(TimeRanges)  # more trades by ids, at any interval so far
    for series in sorted(claims):  # the intervals of a pair in rising order: what is derived comes after its origin
        kinds = _Kinds.of(claims[series])
        by_audit = audited.get(series, _NOT_AUDITED)
        proved = kinds.proved | by_audit.proved
        better = proved | confirmed.get(series, _NOTHING)
        uncounted[series.pair] = (uncounted[series.pair] | by_audit.doubtful).outer(series.width)
        doubted = TimeRanges.of(silent[series.pair]).inner(series.width)
        if silent[series.pair]:
            doubted |= _of_one_source(unseen[series.pair], claims[series], findings.get(series, _NONE).doubts, series)
        if in_dispute := contested.get(series):
            doubted |= in_dispute | mostly_disputed(
                _by_origin(claims[series]).values(), in_dispute, confirmed.get(series, _NOTHING)
            )
        if len(kinds.sources) > 1:
            better |= _twice(kinds.sources.values()) - differing.get(series, _NOTHING)
        for finer, ranges in kinds.derived:
            origin = Series(series.pair, finer)
            if graded := result.get(origin):
                outside = _ALWAYS - lives[origin]
                proved |= _whole(graded.proved, outside, ranges, series.width)
                better |= _whole(graded.proved | graded.confirmed, outside, ranges, series.width)
                doubted |= graded.doubtful.outer(series.width) & ranges
        both = kinds.by_file & kinds.by_answer - differing.get(series, _NOTHING) if doubted else _NOTHING
        unnamed = unsure.get(series, _NOTHING) - confirmed.get(series, _NOTHING)
        doubtful = ((doubted - both | uncounted[series.pair] | unnamed) - proved) & lives[series]
        if proved or better or doubtful:
            result[series] = Grades(proved & lives[series], (better - proved - doubtful) & lives[series], doubtful)
    return result


def _of_one_source(
    unseen: dict[str, TimeRanges], claims: Sequence[Assertion], doubts: Iterable[Doubt], series: Series
) -> TimeRanges:
    """The slots into which suspicious silences reach of the sources that claim them; those of the series are added."""
    silences = TimeRanges.of(doubt[:2] for doubt in doubts)
    found = _NOTHING
    for source, ranges in _by_origin(claims).items():
        unseen[source] = unseen.get(source, _NOTHING) | silences & ranges
        found |= unseen[source].outer(series.width) & ranges
    return found


def _by_origin(claims: Sequence[Assertion]) -> dict[str, TimeRanges]:
    """The slots of a series by what their claims go back to."""
    covered: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for claim, start, end in known(claims):
        covered[origin(claim)].append((start, end))
    return {source: TimeRanges.of(spans) for source, spans in covered.items()}


def _unsure(
    claims: Mapping[Series, Sequence[Assertion]],
    ambiguous: Mapping[Series, frozenset[str]],
    differing: Mapping[Series, TimeRanges],
) -> dict[Series, TimeRanges]:
    """The slots of series that nothing shows but evidence that may be of another pair."""
    found = {}
    for series in ambiguous.keys() & claims.keys():
        shown, otherwise = _NOTHING, _NOTHING
        for evidence, ranges in _Kinds.of(claims[series]).sources.items():
            if evidence in ambiguous[series]:
                shown |= ranges
            else:
                otherwise |= ranges
        found[series] = shown - (otherwise - differing.get(series, _NOTHING))
    return found


def _agreed(findings: Mapping[Series, Findings], unsure: Mapping[Series, TimeRanges]) -> dict[Series, TimeRanges]:
    """The slots of each series that another interval confirms: of two that agree, each confirms the other.

    But where that one is ``unsure``.
    """
    found: dict[Series, list[tuple[int, int]]] = defaultdict(list)
    for series, of_series in findings.items():
        for finer, ranges in of_series.agreed.items():
            fine = Series(series.pair, finer)
            for each, other in ((series, fine), (fine, series)):
                found[each].extend(ranges - unsure[other].outer(series.width) if other in unsure else ranges)
    return {series: TimeRanges.of(ranges) for series, ranges in found.items()}


def _whole(graded: TimeRanges, outside: TimeRanges, ranges: TimeRanges, width: int) -> TimeRanges:
    """Derived slots all of whose finer ones are graded so; those outside of the pair's life are not missing."""
    return (graded | outside).inner(width) & ranges if graded else _NOTHING


def _twice(sources: Iterable[TimeRanges]) -> TimeRanges:
    """What at least two of the sources cover."""
    once, twice = _NOTHING, _NOTHING
    for ranges in sources:
        twice |= once & ranges
        once |= ranges
    return twice


@gc_paused()
def graded_ranges(
    assertions: Sequence[Assertion],
    lives: Mapping[Series, TimeRanges],
    findings: Mapping[Series, Findings],
    differing: Mapping[Series, TimeRanges] = _NO_DIFFERENCES,
    audited: Mapping[Series, AuditedSlots] = _NO_AUDITS,
    *,
    ambiguous: Mapping[Series, frozenset[str]] = _NO_CONTENTS,
) -> dict[Series, list[DataCoverageRange]]:
    """Maximal ranges with one set of sources and one grade, by series, in order; candles not yet counted."""
    graded = grades(assertions, lives, findings, differing, audited, ambiguous=ambiguous)
    covered = coverage_ranges(assertions, lives)
    return {
        series: list(_cut(ranges, graded[series])) if series in graded else ranges for series, ranges in covered.items()
    }


def _cut(ranges: Iterable[DataCoverageRange], graded: Grades) -> Iterator[DataCoverageRange]:
    for covering in ranges:
        whole = TimeRanges.single(covering.start, covering.end)
        clipped = ((grade, of.clip(*whole.hull)) for grade, of in zip(_GRADES, graded, strict=True) if of)
        parts = [(grade, part) for grade, part in clipped if part]
        if len(parts) == 1 and parts[0][1] == whole:
            yield covering._replace(grade=parts[0][0])
            continue
        left = whole - TimeRanges.of(chain.from_iterable(part for _, part in parts))
        found = ((span, grade) for grade, part in (*parts, (Grade.CLAIMED, left)) for span in part)
        for (start, end), grade in sorted(found):
            yield covering._replace(start=start, end=end, grade=grade)
