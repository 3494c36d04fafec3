"""How sound the stored values are: findings on prices, incidents of the exchange, and conditions by day."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kraken_core.domain.errors import UsageError
from kraken_core.workbench.history_reads import HistoryReads

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from kraken_core.domain.conditions import DayCondition
    from kraken_core.domain.incidents import Incident
    from kraken_core.domain.market import Pair
    from kraken_core.domain.prices.findings import PriceFinding
    from kraken_core.domain.request import Selection


class ValueReads(HistoryReads):
    """Tables of what is odd, worked out from the candles when they are called for."""

    def price_findings(self, **selection: Any) -> pd.DataFrame:  # noqa: ANN401 - see select()
        """What is odd about stored values: what the checks on values of :meth:`verify` report, all of it.

        Columns: pair, interval (minutes), start, end (UTC), kind, expected, stored, evidence. Kinds: outlier, quote,
        extreme, volume, stuck, decimal shift, redenomination. ``expected`` and ``stored`` are prices in the quote
        currency; of a volume the worth of a mean trade in it, and of a stuck price the number of candles.
        Nothing is changed by it. Arguments as for :meth:`select`, whose candles are read.
        """
        from kraken_core.workbench.queries import frames

        return frames.pandas(self._price_finding_frame(self.select(**selection)))

    def odd_values(self, selection: Selection) -> list[PriceFinding]:
        """The same as values, by series and time."""
        from kraken_core.workbench.queries.prices import PriceQuery

        return PriceQuery(self.holdings, self.price_rules).of(selection)

    def incidents(self, status_file: str | Path | None = None) -> pd.DataFrame:
        """When the whole exchange stood still, as dated spans: what jobs observed, and what is known from elsewhere.

        Columns: start, end (UTC), pairs (that had no trades in all of it), of_pairs (stored then), share, source
        (observed, known, status page), name and impact (of the status page). ``status_file`` is a copy of
        https://status.kraken.com/api/v2/incidents.json. Raises UsageError where that cannot be read.
        """
        from kraken_core.workbench.queries import frames
        from kraken_core.workbench.queries.incidents import incident_frame

        return frames.pandas(incident_frame(self.exchange_incidents(status_file)))

    def exchange_incidents(self, status_file: str | Path | None = None) -> list[Incident]:
        """The same as values, by time."""
        from kraken_core.domain.incidents import status_page
        from kraken_core.workbench.queries.incidents import IncidentQuery

        try:
            text = None if status_file is None else Path(status_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{status_file} cannot be read: {error}.") from error
        reported = [] if text is None else status_page(text, str(status_file))
        return IncidentQuery(self.holdings).of(reported)

    def conditions(
        self,
        pair: str | Pair | None = None,
        interval: int | str | None = None,
        **selection: Any,  # noqa: ANN401 - see select()
    ) -> pd.DataFrame:
        """The condition of every UTC day of a series, or of all that are selected, as of the last detection.

        Columns: pair, interval, day (UTC), condition, expected, missing, doubtful (slots). ``available``: all that is
        expected is covered, and nothing doubtful; ``degraded``: some is missing or doubtful; ``missing``: nothing is
        covered; ``pending``: the day had not ended, and nothing of it is missing so far. Other arguments as for
        :meth:`select`.
        """
        from kraken_core.workbench.queries import frames
        from kraken_core.workbench.queries.incidents import condition_frame

        chosen = selection | ({} if pair is None else {"pairs": [pair]})
        chosen |= {} if interval is None else {"intervals": [interval]}
        return frames.pandas(condition_frame(self.day_conditions(self.select(**chosen))))

    def day_conditions(self, selection: Selection) -> list[DayCondition]:
        """The same as values, by series and day."""
        from kraken_core.workbench.queries.incidents import conditions

        return list(conditions(self.holdings, selection))

    def _price_finding_frame(self, selection: Selection) -> pl.DataFrame:
        from kraken_core.workbench.queries.prices import price_finding_frame

        return price_finding_frame(self.odd_values(selection))

    @property
    def _worked_out(self) -> dict[str, Callable[[], pl.DataFrame]]:
        """The views that are worked out for a query that names them, as things are now."""
        from kraken_core.workbench.queries.incidents import condition_frame, incident_frame
        from kraken_core.workbench.queries.trades import coverage_frame

        frames: dict[str, Callable[[], pl.DataFrame]] = {
            "incidents": lambda: incident_frame(self.exchange_incidents()),
            "conditions": lambda: condition_frame(self.day_conditions(self.select())),
            "price_findings": lambda: self._price_finding_frame(self.select()),
            "trade_coverage": lambda: coverage_frame(self.ledger),
        }
        return {name: partial(_as_in_sql, frame) for name, frame in frames.items()}


def _as_in_sql(frame: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """A frame with columns called as in other views."""
    return frame().rename({"interval": "interval_minutes", "start": "start_time", "end": "end_time"}, strict=False)
