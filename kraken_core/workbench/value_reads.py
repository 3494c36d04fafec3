"""How sound the stored values are: findings on prices, incidents of the exchange, and conditions by day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kraken_core.workbench.history_reads import HistoryReads

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from kraken_core.domain.prices.findings import PriceFinding
    from kraken_core.domain.request import Selection


class ValueReads(HistoryReads):
    """Tables of what is odd, worked out from the candles when they are called for."""

    def price_findings(self, **selection: Any) -> pd.DataFrame:  # noqa: ANN401 - see select()
        """What is odd about stored values: what the checks on values of :meth:`verify` report, all of it.

        Columns: pair, interval (minutes), start, end (UTC), kind, expected, stored, evidence. Kinds: outlier, quote,
        extreme, volume, stuck, decimal shift, redenomination. ``expected`` and ``stored`` are prices in the quote
        currency; of a volume the size of a mean trade in the base asset, and of a stuck price the number of candles.
        Nothing is changed by it. Arguments as for :meth:`select`, whose candles are read.
        """
        from kraken_core.workbench.queries import frames

        return frames.pandas(self._price_finding_frame(self.select(**selection)))

    def odd_values(self, selection: Selection) -> list[PriceFinding]:
        """The same as values, by series and time."""
        from kraken_core.workbench.queries.prices import PriceQuery

        return PriceQuery(self.holdings, self.price_rules).of(selection)

    def _price_finding_frame(self, selection: Selection) -> pl.DataFrame:
        from kraken_core.workbench.queries.prices import price_finding_frame

        return price_finding_frame(self.odd_values(selection))
