"""Findings: what holding series against each other showed, and up to which claim each pair was looked at."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import delete, func, select

from kraken_core.domain.disputes import reason_of
from kraken_core.domain.errors import UsageError
from kraken_core.domain.findings import Doubt, Findings
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges, iso
from kraken_core.ledger.bulk import add_many, read_many
from kraken_core.ledger.kept_records import ASLEEP, keeping, kept_since, records_at
from kraken_core.ledger.models import assertion, finding, pair_examination
from kraken_core.ledger.transactions import Transactions, transaction
from kraken_core.ledger.undone import not_undone
from kraken_core.ports import Unexamined

_AGREED, _DISAGREED, _DOUBTFUL = "agreed", "disagreed", "doubtful"
_COLUMNS = ("pair_id", "interval", "start", "end", "kind", "finer", "reason")
_CLAIM = assertion.c


class KeptFindings(Transactions):
    """The part of the ledger that keeps findings."""

    @transaction
    def unexamined(self, pairs: Collection[Pair]) -> Unexamined:
        """What was claimed or withdrawn of the pairs since each was examined last."""
        touched: dict[Series, list[tuple[int, int]]] = defaultdict(list)
        with self._reading() as connection:
            newest = connection.scalar(select(func.coalesce(func.max(_CLAIM.id), 0))) or 0
            ids = self._ids_of(pairs)
            seen = dict.fromkeys(ids, 0)
            lived: dict[Pair, TimeRanges] = {}
            for pair_id, claims, bounds in connection.execute(select(pair_examination)):
                if pair_id in seen:
                    seen[pair_id] = claims
                    lived[self._pairs[pair_id]] = TimeRanges(tuple(json.loads(bounds)))
            oldest = min(seen.values(), default=newest)
            if oldest < newest:
                claims = select(_CLAIM.id, _CLAIM.pair_id, _CLAIM.interval, _CLAIM.start, _CLAIM.end)
                new = _CLAIM.id > oldest, self._of_pairs(assertion, pairs), not_undone(assertion)
                for id_, pair_id, interval, start, end in read_many(connection, claims.where(*new)):
                    if id_ > seen.get(pair_id, newest):
                        touched[self._series[pair_id, interval]].append((start, end))
        return Unexamined({series: TimeRanges.of(ranges) for series, ranges in touched.items()}, lived, newest)

    @transaction
    def findings(self, pairs: Collection[Pair] | None = None) -> Mapping[Series, Findings]:
        """The findings of each series of which there are any."""
        compared: dict[str, dict[Series, dict[int, list[tuple[int, int]]]]] = {
            kind: defaultdict(lambda: defaultdict(list)) for kind in (_AGREED, _DISAGREED)
        }
        doubts: dict[Series, list[Doubt]] = defaultdict(list)
        asleep: dict[Series, list[Doubt]] = defaultdict(list)
        with self._reading() as connection:
            rows = read_many(connection, select(finding).where(self._of_pairs(finding, pairs)))
            for pair_id, interval, start, end, kind, finer, reason in rows:
                series = self._series[pair_id, interval]
                if finer is None:
                    (doubts if kind == _DOUBTFUL else asleep)[series].append(Doubt(start, end, reason))
                else:
                    compared[kind][series][finer].append((start, end))
        return {
            series: Findings(
                _joined(compared[_AGREED][series]),
                tuple(sorted(doubts[series])),
                tuple(sorted(asleep[series])),
                _joined(compared[_DISAGREED][series]),
            )
            for series in {*compared[_AGREED], *compared[_DISAGREED], *doubts, *asleep}
        }

    @transaction
    def asleep(self, pairs: Collection[Pair] | None = None) -> Mapping[Pair, TimeRanges]:
        """When pairs were silent because the whole exchange stood still; of all pairs where none are given."""
        row = finding.c
        spans = select(row.pair_id, row.start, row.end).where(row.kind == ASLEEP)
        with self._reading() as connection:
            return self._by_pair(read_many(connection, spans.where(self._of_pairs(finding, pairs))))

    @transaction
    def asleep_at(self, instant: int) -> Mapping[Pair, TimeRanges]:
        """The same of all pairs, as it was found by an instant. Raises UsageError where that is not kept."""
        with self._reading() as connection:
            since = kept_since(connection, finding)
            if since is not None and instant < since:
                raise UsageError(
                    f"what explained silences is kept from {iso(since)} on: nothing was kept of what was found before."
                )
            found = records_at(connection, finding, instant)
            return self._by_pair((pair_id, start, end) for (pair_id, _, start), (end, _) in found.items())

    def _by_pair(self, spans: Iterable[Sequence[int]]) -> Mapping[Pair, TimeRanges]:
        found: dict[Pair, list[tuple[int, int]]] = defaultdict(list)
        for pair_id, start, end in spans:
            found[self._pairs[pair_id]].append((start, end))
        return {pair: TimeRanges.of(ranges) for pair, ranges in found.items()}

    @transaction
    def judged_silences(self, within: TimeRanges) -> dict[Series, TimeRanges]:
        """The spans of all series that were judged by what is stored of other pairs, and reach into some time."""
        found: dict[Series, list[tuple[int, int]]] = defaultdict(list)
        row = finding.c
        spans = select(row.pair_id, row.interval, row.start, row.end).where(row.finer.is_(None))
        with self._reading() as connection:
            for pair_id, interval, start, end in read_many(connection, spans):
                if within.meets(start, end):
                    found[self._series[pair_id, interval]].append((start, end))
        return {series: TimeRanges.of(silences) for series, silences in found.items()}

    @transaction
    def record_findings(
        self, findings: Mapping[Series, Findings], examined: Mapping[Pair, TimeRanges], newest: int
    ) -> None:
        """Set the findings of these series; pairs were examined up to the newest claim, as they lived then."""
        compared = (
            (series, span.start, span.end, kind, finer, reason_of(series, finer) if kind == _DISAGREED else "")
            for series, found in findings.items()
            for kind, by_finer in ((_AGREED, found.agreed), (_DISAGREED, found.disagreed))
            for finer, ranges in by_finer.items()
            for span in ranges
        )
        silences = (
            (series, silence.start, silence.end, kind, None, silence.reason)
            for series, found in findings.items()
            for kind, judged in ((_DOUBTFUL, found.doubts), (ASLEEP, found.asleep))
            for silence in judged
        )
        with self._writing({*examined, *(series.pair for series in findings)}) as connection:
            of_series = self._of(finding, findings)
            rows = ((self._pair_ids[series.pair], series.interval, *rest) for series, *rest in (*compared, *silences))
            with keeping(connection, finding, of_series, self._clock.now()):
                connection.execute(delete(finding).where(of_series))
                add_many(connection, finding, _COLUMNS, rows)
            connection.execute(delete(pair_examination).where(self._of_pairs(pair_examination, examined)))
            marks = ((self._pair_ids[pair], newest, json.dumps(lived.bounds)) for pair, lived in examined.items())
            add_many(connection, pair_examination, ("pair_id", "claims", "lived"), marks)


def _joined(by_finer: Mapping[int, Sequence[tuple[int, int]]]) -> dict[int, TimeRanges]:
    return {finer: TimeRanges.of(ranges) for finer, ranges in sorted(by_finer.items())}
