"""Findings: what holding series against each other showed, and up to which claim each pair was looked at."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import delete, func, select

from kraken_core.domain.grading import Doubt, Findings
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.bulk import add_many, read_many
from kraken_core.ledger.models import assertion, finding, pair_examination
from kraken_core.ledger.transactions import Transactions, transaction
from kraken_core.ledger.undone import not_undone
from kraken_core.ports import Unexamined

_AGREED, _DOUBTFUL, _ASLEEP = "agreed", "doubtful", "asleep"
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
        agreed: dict[Series, dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        doubts: dict[Series, list[Doubt]] = defaultdict(list)
        asleep: dict[Series, list[Doubt]] = defaultdict(list)
        with self._reading() as connection:
            rows = read_many(connection, select(finding).where(self._of_pairs(finding, pairs)))
            for pair_id, interval, start, end, kind, finer, reason in rows:
                series = self._series[pair_id, interval]
                if finer is None:
                    (doubts if kind == _DOUBTFUL else asleep)[series].append(Doubt(start, end, reason))
                else:
                    agreed[series][finer].append((start, end))
        return {
            series: Findings(
                {finer: TimeRanges.of(ranges) for finer, ranges in sorted(agreed[series].items())},
                tuple(sorted(doubts[series])),
                tuple(sorted(asleep[series])),
            )
            for series in {*agreed, *doubts, *asleep}
        }

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
        agreed = (
            (series, span.start, span.end, _AGREED, finer, "")
            for series, found in findings.items()
            for finer, ranges in found.agreed.items()
            for span in ranges
        )
        silences = (
            (series, silence.start, silence.end, kind, None, silence.reason)
            for series, found in findings.items()
            for kind, judged in ((_DOUBTFUL, found.doubts), (_ASLEEP, found.asleep))
            for silence in judged
        )
        with self._writing({*examined, *(series.pair for series in findings)}) as connection:
            connection.execute(delete(finding).where(self._of(finding, findings)))
            rows = ((self._pair_ids[series.pair], series.interval, *rest) for series, *rest in (*agreed, *silences))
            add_many(connection, finding, _COLUMNS, rows)
            connection.execute(delete(pair_examination).where(self._of_pairs(pair_examination, examined)))
            marks = ((self._pair_ids[pair], newest, json.dumps(lived.bounds)) for pair, lived in examined.items())
            add_many(connection, pair_examination, ("pair_id", "claims", "lived"), marks)
