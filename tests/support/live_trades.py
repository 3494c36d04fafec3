"""A tape's trades as a stream has them."""

from __future__ import annotations

from decimal import Decimal

from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.domain.live_tape import MICROSECOND, LiveTrade
from kraken_core.simulator.tape import Tape


def live_trades_of(tape: Tape) -> list[LiveTrade]:
    columns = (tape.ids, tape.time_ns, tape.price_ticks, tape.volume_units, tape.buys)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        LiveTrade(
            number,
            at - at % MICROSECOND,
            ticks / 10.0**tape.price_decimals,
            Decimal(units).scaleb(-VOLUME_DECIMALS),
            "bl" if buys else "sl",
        )
        for number, at, ticks, units, buys in rows
    ]
