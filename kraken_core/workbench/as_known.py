"""What a home's history was known to be at an instant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kraken_core.domain.errors import JobRunningError, KrakenError
from kraken_core.domain.interval_text import parse_interval
from kraken_core.domain.market import Pair, Series
from kraken_core.workbench import requests
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.requests import When

if TYPE_CHECKING:
    import pandas as pd

    from kraken_core.ledger.undone import UndoMark
    from kraken_core.workbench.queries.holdings import Holdings
    from kraken_core.workbench.queries.known_at import KnownState


class AsKnown(OpenHome):
    """An open home, to be read as it is, or as it was known to be."""

    def known(self, at: When | None = None) -> KnownState:
        """The candle table and the ledger to read, as they are, or as they were ``at`` an instant.

        Raises UsageError where nobody can say how they were, JobRunningError where a job is being undone: until that is
        completed, what the ledger has is not what follows from the candles.
        """
        from kraken_core.workbench.queries.known_at import known

        if at is None:
            self._last_undo()
        return known(self.store, self.ledger, self.clock.now(), None if at is None else requests.instant(at))

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Raises JobRunningError where a job is being undone, or was meanwhile: what was read is of no one moment then.

        Whatever else is raised inside counts only where none was.
        """
        before = self._last_undo()
        try:
            yield
        except KrakenError:
            self._require_last_undo(before)
            raise
        self._require_last_undo(before)

    def _last_undo(self) -> UndoMark | None:
        """The latest undo. Raises JobRunningError where it is not completed."""
        from kraken_core.ledger.undone import is_being_undone

        latest = self.records.latest_undo()
        if latest and not latest.completed:
            raise JobRunningError(is_being_undone(latest.job_id))
        return latest

    def _require_last_undo(self, before: UndoMark | None) -> None:
        latest = self._last_undo()
        if latest and latest != before:
            raise JobRunningError(f"job {latest.job_id} was undone while this was read: read it again.")

    @property
    def holdings(self) -> Holdings:
        """What is stored of a selection. Raises JobRunningError where a job is being undone."""
        return self.holdings_at(None)

    def holdings_at(self, at: When | None) -> Holdings:
        """What was stored of a selection as known at an instant; what is stored now where none is given."""
        from kraken_core.workbench.queries.holdings import Holdings

        found = self.known(at)
        return Holdings(found.ledger, found.store, self.tiers)

    def revisions(
        self, pair: str | Pair, interval: int | str, start: When | None = None, end: When | None = None
    ) -> pd.DataFrame:
        """The candles of ``[start, end)`` that were replaced or taken away, and when: oldest replacement first.

        Columns: time, replaced_at (both UTC), open, high, low, close, volume, trades, source (as they were before), and
        job_id, the job that replaced them (Int64, null where none did).
        """
        from kraken_core.workbench.queries import frames
        from kraken_core.workbench.queries.known_at import replaced

        of = pair if isinstance(pair, Pair) else self.ledger.names().pair(pair)
        window = requests.window(start, end)
        found = replaced(self.store, self.ledger, Series(of, parse_interval(interval)), window)
        return frames.pandas(found).astype({"trades": "Int32", "job_id": "Int64"})
