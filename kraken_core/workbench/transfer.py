"""Candles from one table to another, and tables of others taken over."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kraken_core.domain.coverage import TAKEN_OVER
from kraken_core.domain.errors import JobRunningError, StoreError, UsageError
from kraken_core.domain.jobs import JobStatus
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.plural import counted
from kraken_core.domain.request import Selection
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import END_OF_TIME
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.pipeline.adopt import Adopted, Adoption
from kraken_core.pipeline.copy import Copied, Copy
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.ports import Adoptable, AssetRecord, CandleTable, Progress
from kraken_core.settings import Settings
from kraken_core.stores.files.regular import regular
from kraken_core.workbench.open_store import open_store


@dataclass(frozen=True, slots=True)
class Transfer:
    """Copies out of a home's candle table, and takes tables over into its ledger."""

    settings: Settings
    ledger: SqlLedger
    store: CandleTable
    tiers: Tiers

    def copy(self, to: str, selection: Selection, progress: Progress, stop: Callable[[], bool]) -> list[Copied]:
        """Copy what is selected into another table; whatever is there already is not written again.

        Raises UsageError where that is this table, StoreError where a series is not equal in both afterwards.
        """
        there = self.settings.with_store(to)
        if there.table == self.settings.table:
            raise UsageError(f"{to} is the candle table itself: name another with --to.")
        self._check_idle()
        series = [
            Series(record.pair, interval)
            for record in self.ledger.pairs()
            for interval in selection.intervals
            if selection.holds(record.pair, self.tiers)
        ]
        target = open_store(there, self.ledger.assets).with_retries()
        copied = Copy(self.store.with_retries(), target, progress, stop).run(series, selection.window(END_OF_TIME))
        _check_equal(copied, there.table)
        return copied

    def take_over(self, assets: Path | None, now: int, progress: Progress) -> Adopted:
        """Take the table in QuestDB into the ledger; ``assets``: a CSV of id, ticker and perhaps tier.

        Raises UsageError where the store is no server, LedgerError where its numbers mean other assets here.
        """
        store = self.store
        if not isinstance(store, Adoptable):
            raise UsageError(
                f"{self.settings.table} is not a table that others fill: name the server with the setting 'store', "
                "questdb://host:9000."
            )
        self._check_idle()
        known = _read_assets(assets) if assets else store.assets()
        if not known:
            raise UsageError(
                "the assets of the numbers are unknown: name a CSV of them (id,ticker) with --assets, such as an "
                "export of the old table asset."
            )
        self.ledger.adopt_assets(known)
        if assets:
            store.name_assets()  # without which the table says nothing of itself
        self.ledger.adopt_table(self.store.mark)
        tracker = CoverageTracker(store, self.ledger, self.tiers, now)
        evidence = f"{TAKEN_OVER}{self.settings.table}"
        adopted = {series: span for series, span in store.spans().items() if series.interval in INTERVALS}
        return Adoption(store, self.ledger, tracker, evidence, now, progress).run(adopted)

    def _check_idle(self) -> None:
        if running := self.ledger.jobs([JobStatus.RUNNING]):
            number = running[0].id
            raise JobRunningError(f"job {number} is running: wait for it, or kraken-history pause {number}.")


def _check_equal(copied: Sequence[Copied], table: str) -> None:
    """Raises StoreError where the other table has anything else of a series, or more of it."""
    if differing := [each for each in copied if each.different or each.extra]:
        worst = max(differing, key=lambda each: each.different + each.extra)
        found = []
        if worst.different:
            found.append(f"other candles in {counted(worst.different, 'slot')} of {worst.series}, which rank as high")
        if worst.extra:
            found.append(f"{counted(worst.extra, 'candle')} of {worst.series} that are not here")
        raise StoreError(
            f"{counted(len(differing), 'series')} differ: {table} has {' and '.join(found)}. Nothing was lost: copy "
            "to an empty table, or ingest the same archives into both."
        )


def _read_assets(file: Path) -> Sequence[AssetRecord]:
    try:
        with regular(file).open(newline="", encoding="utf-8") as text:
            rows = list(csv.DictReader(text))
        return [AssetRecord(int(row["id"]), row["ticker"].strip().upper()) for row in rows]
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{file} is not a CSV of assets: it needs a header with id and ticker, and numbers as ids."
        ) from error
