"""What a home's history was known to be at an instant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kraken_core.domain.interval_text import parse_interval
from kraken_core.domain.market import Pair, Series
from kraken_core.workbench import requests
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.requests import When

if TYPE_CHECKING:
    import pandas as pd

    from kraken_core.workbench.queries.holdings import Holdings
    from kraken_core.workbench.queries.known_at import KnownState


class AsKnown(OpenHome):
    """An open home, to be read as it is, or as it was known to be."""

    def known(self, at: When | None = None) -> KnownState:
        """The candle table and the ledger to read, as they are, or as they were ``at`` an instant.

        Raises UsageError where nobody can say how they were.
        """
        from kraken_core.workbench.queries.known_at import known

        return known(self.store, self.ledger, self.clock.now(), None if at is None else requests.instant(at))

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
