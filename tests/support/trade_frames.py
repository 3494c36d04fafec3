"""Trades for tests, as frames of TRADES."""

from __future__ import annotations

import polars as pl

from kraken_core.domain.trades import TRADES
from kraken_core.simulator.tape import Tape


def trades_of(tape: Tape) -> pl.DataFrame:
    """The trades of a tape, with the doubles nearest to its prices."""
    return pl.DataFrame(
        {
            "time": tape.time_ns,
            "price": tape.price_ticks / 10.0**tape.price_decimals,
            "volume": pl.Series(tape.volumes(), dtype=pl.String).cast(TRADES["volume"]),
            "id": tape.ids,
        },
        schema=TRADES,
    )
