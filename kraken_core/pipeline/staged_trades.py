"""A file's trades staged to be kept, portion by portion, so that no more than some of them are in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from kraken_core.domain.kept_trades import KEPT, MINUTE_NS, TradeSource, in_order, kept
from kraken_core.domain.market import Pair
from kraken_core.ports import StagedFile, TradeStaging

ROWS_A_FILE = 786_432  # of the files that are staged: what merging makes of smaller ones
_BEHIND = 2  # minutes that wait for the next portion: a trade may be a second out of order


@dataclass(slots=True)
class StagedTrades:
    """The trades of a file of a pair. No minute is in two staged files, as far as time never falls by a minute."""

    pair: Pair
    staging: TradeStaging
    _waiting: list[pl.DataFrame] = field(default_factory=list)
    _rows: int = 0
    _place: int = 0
    _staged: list[StagedFile] = field(default_factory=list)

    def add(self, trades: pl.DataFrame) -> None:
        """The next trades of the file (TRADES)."""
        self._waiting.append(kept(trades, self.pair, TradeSource.ARCHIVE, self._place))
        self._place += trades.height
        self._rows += trades.height
        if self._rows >= ROWS_A_FILE:
            waiting = in_order(pl.concat(self._waiting))
            early = pl.col("time") // MINUTE_NS <= int(waiting["time"][-1]) // MINUTE_NS - _BEHIND
            self._stage(waiting.filter(early))
            self._waiting = [waiting.filter(~early)]
            self._rows = self._waiting[0].height

    def finish(self) -> tuple[StagedFile, ...]:
        """The staged files, once all trades were added."""
        self._stage(in_order(pl.concat([pl.DataFrame(schema=KEPT), *self._waiting])))
        self._waiting = []
        return tuple(self._staged)

    def _stage(self, trades: pl.DataFrame) -> None:
        if trades.height:
            self._staged += self.staging.stage(trades)
