"""Claims: what sources claim to cover, by file or by whole archive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, update

from kraken_core.domain.archives import Archive
from kraken_core.domain.candles import Source, Vintage
from kraken_core.domain.coverage import ArchiveStatement, Assertion, counter_claims, standing_claims
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.bulk import add_many, add_rows, chunks, read_many
from kraken_core.ledger.changing import DerivedChanges
from kraken_core.ledger.joined import JoinedClaims, each_claim
from kraken_core.ledger.models import archive, archive_name, archive_pair, assertion
from kraken_core.ledger.transactions import transaction
from kraken_core.ledger.undone import counted_at, not_undone

_SOURCES = {source.value: source for source in Source}
_COLUMNS = ("pair_id", "interval", "start", "end", "source", "rank", "evidence", "withdrawn", "proved", "adopted")
# Used at every batch, so made once
_CLAIMS = select(*(assertion.c[name] for name in _COLUMNS)).where(not_undone(assertion)).order_by(assertion.c.id)
_OF_PAIRS = _CLAIMS.where(assertion.c.pair_id.in_(bindparam("pairs", expanding=True)))
_DERIVED = _OF_PAIRS.where(assertion.c.source == Source.DERIVED)
OF_EVIDENCE = _OF_PAIRS.where(assertion.c.evidence.in_(bindparam("evidence", expanding=True)))
_REFUTED = _CLAIMS.where(assertion.c.withdrawn, assertion.c.source != Source.DERIVED)


class Claims(JoinedClaims, DerivedChanges):
    """The part of the ledger that keeps assertions and complete archives."""

    @transaction
    def claim(self, assertions: Sequence[Assertion]) -> None:
        """Append claims and counter-claims as they are, in order."""
        with self._writing(claim.series.pair for claim in assertions) as connection:
            self._append(connection, assertions, self._running_job(connection))
            self._take_apart_contradicted(connection, assertions)

    @transaction
    def end_change(self, withdrawn: Sequence[Assertion]) -> None:
        """Append the counter-claims to what was removed, all or nothing: nothing is about to change any more."""
        with self._writing(claim.series.pair for claim in withdrawn) as connection:
            self._append(connection, withdrawn, self._running_job(connection))
            self._take_apart_contradicted(connection, withdrawn)
            self._end_changes(connection)

    @transaction
    def assertions(self, pairs: Collection[Pair] | None = None) -> list[Assertion]:
        """Claims and counter-claims in the order they were made, but for those of jobs undone since."""
        with self._reading() as connection:
            return self._assertions(connection, _CLAIMS.where(self._of_pairs(assertion, pairs)))

    @transaction
    def assertions_at(self, instant: int, pairs: Collection[Pair] | None = None) -> list[Assertion]:
        """Those made by an instant, but for those of jobs undone by then."""
        by = datetime.fromtimestamp(instant, UTC)
        each = each_claim()
        query = select(*(each.c[name] for name in _COLUMNS)).order_by(each.c.id)
        with self._reading() as connection:
            counting = counted_at(each, by), each.c.asserted_at <= by, self._of_pairs(each, pairs)
            return self._assertions(connection, query.where(*counting))

    @transaction
    def refuted_by_content(self) -> Mapping[tuple[str, Series], TimeRanges]:
        """Where contents were contradicted, by (content hash, series)."""
        spans: dict[tuple[str, Series], list[tuple[int, int]]] = defaultdict(list)
        with self._reading() as connection:
            for claim in self._assertions(connection, _REFUTED):
                spans[claim.evidence, claim.series].append((claim.start, claim.end))
        return {key: TimeRanges.of(found) for key, found in spans.items()}

    @transaction
    def record_archives(self, archives: Sequence[Archive]) -> None:
        """Remember complete archives, their pairs, and the names in them that name none; others add nothing.

        Nor do those that are remembered already, but for such names.
        """
        by_identity = {a.identity: a for a in archives if a.complete and a.identity}
        if not by_identity:
            return
        pairs = {identity: {file.series.pair for file in a.files} for identity, a in by_identity.items()}
        with self._writing(set().union(*pairs.values())) as connection:
            job_id = self._running_job(connection)
            forgotten = archive.c.identity.in_(by_identity) & ~not_undone(archive)
            connection.execute(update(archive).where(forgotten).values(job_id=job_id))
            known = set(connection.scalars(select(archive.c.identity)))
            new = [a for identity, a in by_identity.items() if identity not in known]
            add_rows(connection, archive, ({**_archive_columns(a, self._now()), "job_id": job_id} for a in new))
            ids = dict(connection.execute(select(archive.c.identity, archive.c.id)).all())
            recorded = ((ids[a.identity], self._pair_ids[pair]) for a in new for pair in pairs[a.identity])
            add_many(connection, archive_pair, ["archive_id", "pair_id"], recorded)
            named = {(ids[a.identity], name) for a in by_identity.values() for name in a.other_names}
            named -= {tuple(row) for row in connection.execute(select(archive_name))}
            add_many(connection, archive_name, ["archive_id", "name"], sorted(named))

    @transaction
    def complete_archives(self) -> list[tuple[Archive, frozenset[Pair]]]:
        """The complete archives ever ingested (without their files), with the pairs they contain."""
        recorded: dict[int, set[Pair]] = defaultdict(set)
        names: dict[int, set[str]] = defaultdict(set)
        with self._reading() as connection:
            rows = connection.execute(select(archive).where(not_undone(archive)).order_by(archive.c.id)).all()
            for archive_id, pair_id in connection.execute(select(archive_pair)):
                recorded[archive_id].add(self._pairs[pair_id])
            for archive_id, name in connection.execute(select(archive_name)):
                names[archive_id].add(name)
        return [
            (
                Archive(
                    path=row.path,
                    statement=ArchiveStatement(row.stated_start, row.stated_end),
                    vintage=Vintage(row.vintage_end, row.vintage_generated, row.stated_end is not None),
                    complete=True,
                    identity=row.identity,
                    files=(),
                    other_names=frozenset(names[row.id]),
                ),
                frozenset(recorded[row.id]),
            )
            for row in rows
        ]

    def _assertions(self, connection: Connection, query: Select[Any], **values: Sequence[object]) -> list[Assertion]:
        rows = read_many(connection, query, values)
        series, sources = self._series, _SOURCES
        # Every value has a name of its own: to gather the flags would take half as long again.
        return [
            Assertion(
                series[pair_id, i],
                start,
                end,
                sources[source],
                rank,
                evidence,
                withdrawn != 0,
                proved != 0,
                adopted != 0,
            )
            for pair_id, i, start, end, source, rank, evidence, withdrawn, proved, adopted in rows
        ]

    def _append(self, connection: Connection, assertions: Sequence[Assertion], job_id: int | None) -> None:
        rows = (
            (self._pair_ids[series.pair], series.interval, start, end, str(source), *rest)
            for series, start, end, source, *rest in assertions
        )
        add_many(connection, assertion, _COLUMNS, rows, asserted_at=self._now(), job_id=job_id)

    def _unmade(self, connection: Connection, claims: Iterable[Assertion]) -> list[Assertion]:
        """Those that were never made before, word for word; a withdrawn one was made."""
        new = dict.fromkeys(claims)
        for some in chunks(list(new)):
            pairs = self._ids_of({claim.series.pair for claim in some})
            evidence = list({claim.evidence for claim in some})
            for made in self._assertions(connection, OF_EVIDENCE, pairs=pairs, evidence=evidence):
                new.pop(made, None)
        return list(new)

    def _withdrawals(self, connection: Connection, stale: Mapping[Series, TimeRanges]) -> list[Assertion]:
        """Counter-claims to what was derived in these ranges."""
        pairs = self._ids_of({series.pair for series in stale})
        derived = [claim for claim in self._assertions(connection, _DERIVED, pairs=pairs) if claim.series in stale]
        return counter_claims(standing_claims(derived), stale)


def _archive_columns(found: Archive, now: datetime) -> dict[str, object]:
    return {
        "identity": found.identity,
        "path": found.path,
        "stated_start": found.statement.start,
        "stated_end": found.statement.end,
        "vintage_end": found.vintage.newest,
        "vintage_generated": found.vintage.made,
        "recorded_at": now,
    }
