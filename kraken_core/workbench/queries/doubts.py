"""Why a slot is doubtful (domain rule 15): the silences, disputes, counts and contents that speak against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kraken_core.domain.audit import AuditVerdict, audited_slots
from kraken_core.domain.disputes import reason_of
from kraken_core.domain.formatting import instant
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import Series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kraken_core.domain.timerange import TimeRange
    from kraken_core.ledger.ledger import SqlLedger


def doubts(ledger: SqlLedger, series: Series, slot: TimeRange) -> tuple[str, ...]:
    """What speaks against a slot, for people: at its interval, or at finer ones, whose doubts it shares."""
    return tuple(sorted({*_silences(ledger, series, slot), *_disputes(ledger, series, slot)})) + tuple(
        dict.fromkeys((*_counts(ledger, series, slot), *_contents(ledger, series)))
    )


def _silences(ledger: SqlLedger, series: Series, slot: TimeRange) -> Iterator[str]:
    for each, found in ledger.findings([series.pair]).items():
        for start, end, reason in found.doubts if each.interval <= series.interval else ():
            if start < slot.end and slot.start < end:
                yield f"{short(each.interval)} from {instant(start)} to {instant(end)}: {reason}"


def _disputes(ledger: SqlLedger, series: Series, slot: TimeRange) -> Iterator[str]:
    """Intervals that disagree in the slot; else those elsewhere, for which whole files are doubted."""
    found = [
        (coarse, finer, ranges.meets(*slot))
        for coarse, of_series in sorted(ledger.findings([series.pair]).items())
        for finer, ranges in of_series.disagreed.items()
    ]
    here = [reason_of(coarse, finer) for coarse, finer, meets in found if meets]
    yield from here or (f"{reason_of(coarse, finer)} elsewhere" for coarse, finer, _ in found)


def _counts(ledger: SqlLedger, series: Series, slot: TimeRange) -> Iterator[str]:
    audits = [span for span in ledger.audits([series.pair]) if span.series.interval <= series.interval]
    for span in audits:
        in_doubt = audited_slots(each for each in audits if each.series == span.series).doubtful
        if span.verdict is AuditVerdict.MORE and in_doubt.clip(*slot).meets(span.start, span.end):
            yield (
                f"{short(span.series.interval)} from {instant(span.start)} to {instant(span.end)}: trade ids count "
                f"{span.by_ids:,} trades, {span.stored:,} are stored"
            )


def _contents(ledger: SqlLedger, series: Series) -> Iterator[str]:
    doubted = ledger.doubted_contents([series.pair])
    for interval in sorted(each.interval for each in doubted if each.interval <= series.interval):
        yield f"{short(interval)}: a file of it has the same content as one of another pair"
