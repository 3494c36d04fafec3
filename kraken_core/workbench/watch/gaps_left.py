"""The gaps that a watch leaves, and which of them are new: of each there is one notice, whatever ends a round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kraken_core.domain.gaps import GapRecord, GapStatus
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import Ledger
from kraken_core.workbench.watch.notices import Notice

KnownGaps = Mapping[str, Sequence[tuple[int, int]]]  # start and end, epoch seconds, by series
NAMED = 3  # gaps of a notice


def gaps_left(ledger: Ledger, *, api_backfill: bool) -> list[GapRecord]:
    """The gaps that nothing fills, or only the exchange, which a watch without ``api_backfill`` does not query."""
    return [
        gap for gap in ledger.gaps() if gap.status is GapStatus.UNFILLABLE or (gap.is_api_fillable and not api_backfill)
    ]


def with_gaps(known: KnownGaps, gaps: Iterable[GapRecord]) -> KnownGaps:
    """The known gaps, and these."""
    found = {series: list(ranges) for series, ranges in known.items()}
    for gap in gaps:
        found.setdefault(str(gap.series), []).append((gap.start, gap.end))
    return found


def new_gaps(known: KnownGaps, gaps: Iterable[GapRecord]) -> list[GapRecord]:
    """Those that are not known, a slot longer: one that only grew at the present end is not new."""
    reaching: dict[str, TimeRanges] = {}
    new = []
    for gap in gaps:
        series = str(gap.series)
        if series not in reaching:
            reaching[series] = TimeRanges.of((start, end + gap.series.width) for start, end in known.get(series, ()))
        if not reaching[series].meets(gap.start, gap.end):
            new.append(gap)
    return new


def gaps_notice(gaps: Sequence[GapRecord], advice: str) -> Notice:
    """Of gaps that are new; ``advice`` is what the plan notes, or where to look."""
    lost = ", ".join(f"{gap.series} from {TimeRanges.single(gap.start, gap.end).hull}" for gap in gaps[:NAMED])
    more = f" and {len(gaps) - NAMED:,} more" if len(gaps) > NAMED else ""
    return Notice("gaps", f"this watch cannot fill {lost}{more}; {advice}", gaps)
