"""Funding rates: what perpetuals pay, requested from their exchanges, stored, and read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kraken_core.domain.errors import UsageError
from kraken_core.workbench.history_reads import HistoryReads
from kraken_core.workbench.requests import When, window

if TYPE_CHECKING:
    import pandas as pd

    from kraken_core.domain.funding import FundingRate, FundingRecorded
    from kraken_core.domain.market import Pair


class FundingReads(HistoryReads):
    """What positions of perpetuals pay by the hour; reading requests nothing."""

    def funding_rates(self, pair: str, start: When | None = None, end: When | None = None) -> pd.DataFrame:
        """The stored funding rates of a perpetual from ``start`` up to ``end``, by time (UTC).

        Columns: absolute (of a contract, in what it is settled in), relative (the fraction of its value). What is
        missing of them: :meth:`funding_coverage`.
        """
        from kraken_core.workbench.queries import frames
        from kraken_core.workbench.queries.funding import funding_frame

        [found] = self.select(pairs=[pair]).pairs
        rates = self.ledger.funding_rates(found, *window(start, end))
        return frames.pandas(funding_frame(rates)).set_index("time")

    def funding_coverage(self, pairs: Iterable[str] = ()) -> list[dict[str, Any]]:
        """What is stored of perpetuals, a row each: of those named, else of all.

        Keys: pair, start and end (UTC, of the hours from the first rate to the last), rates (how many), missing (hours
        between without one), gaps (these hours as ranges).
        """
        from kraken_core.workbench.queries.funding import funding_coverage, funding_rows

        chosen = self.select(pairs=pairs).pairs or self.ledger.funded_pairs()
        return funding_rows(funding_coverage(self.ledger, chosen))

    def update_funding_rates(self, pairs: Iterable[str] = ()) -> list[dict[str, Any]]:
        """Request the rates of perpetuals that are still answered, and store them; what is stored then, a row each.

        Of those named, else of all of which candles or rates are stored. Keys as of :meth:`funding_coverage`, and new,
        changed (rates that were others before), skipped (rates that cannot be read, or differ of one instant: a text
        each), problem (why nothing came, else None). Kraken Futures answers about a
        year of hours, so that rates that are requested at least that often have no gap but those of the exchange.
        Raises UsageError for a pair without funding, and where there is no perpetual.
        """
        from kraken_core.pipeline.funding import update_funding
        from kraken_core.ports import never_stop
        from kraken_core.sources.rest import BRIEF
        from kraken_core.workbench.queries.funding import funding_coverage, funding_rows

        exchanges = self.open_exchanges(never_stop, BRIEF)
        known = {*self.ledger.funded_pairs(), *(record.pair for record in self.ledger.pairs())}
        chosen = sorted(self.select(pairs=pairs).pairs) or sorted(filter(exchanges.pays_funding, known))
        if not chosen:
            raise UsageError("no perpetual is stored: name those to request, such as kraken-futures:PF_XBTUSD.")
        if others := [pair for pair in chosen if not exchanges.pays_funding(pair)]:
            raise UsageError(f"{others[0]} has no funding rates: name a perpetual, such as kraken-futures:PF_XBTUSD.")
        updates = list(update_funding(exchanges.funding_rates, self._record_funding, chosen))
        return funding_rows(funding_coverage(self.ledger, chosen), updates)

    def _record_funding(self, pair: Pair, rates: Iterable[FundingRate]) -> FundingRecorded:
        self.create_home()  # with the first answer
        return self.ledger.record_funding_rates(pair, rates)
