"""Writes a catalog of NautilusTrader, run by the Python that has it: python nautilus_writer.py FOLDER < WHAT.

``WHAT`` is a JSON list of series: pair, base, quote, name (of the pair), decimals, length (``1-HOUR``) and file, that
has its bars: timestamp (when they close), open, high, low, close, volume. Imports nothing of the workbench, as it may
run beside other versions of everything.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pyarrow.parquet as pq
from nautilus_trader.model.data import BarType
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Currency, Price, Quantity
from nautilus_trader.persistence.catalog import ParquetDataCatalog
from nautilus_trader.persistence.wranglers import BarDataWrangler

VOLUME_DECIMALS = 8  # as Kraken's own: what is behind them is noise of sums
AT_ONCE = 500_000  # bars: each is an object while it is written


def main() -> None:
    """Write every series, and once the instrument of each pair."""
    catalog = ParquetDataCatalog(sys.argv[1])
    instruments: dict[str, CurrencyPair] = {}
    for series in json.load(sys.stdin):
        if series["pair"] not in instruments:
            instruments[series["pair"]] = instrument(series)
            catalog.write_data([instruments[series["pair"]]])
        of = instruments[series["pair"]]
        wrangler = BarDataWrangler(BarType.from_str(f"{of.id}-{series['length']}-LAST-EXTERNAL"), of)
        for batch in pq.ParquetFile(series["file"]).iter_batches(AT_ONCE):
            catalog.write_data(wrangler.process(batch.to_pandas().set_index("timestamp").copy()))


def instrument(series: dict[str, Any]) -> CurrencyPair:
    """The pair as the library knows pairs, with as many decimals as its prices have."""
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol(series["pair"]), Venue("KRAKEN")),
        raw_symbol=Symbol(series["name"]),
        base_currency=Currency.from_str(series["base"]),
        quote_currency=Currency.from_str(series["quote"]),
        price_precision=series["decimals"],
        size_precision=VOLUME_DECIMALS,
        price_increment=Price(10.0 ** -series["decimals"], series["decimals"]),
        size_increment=Quantity(10.0**-VOLUME_DECIMALS, VOLUME_DECIMALS),
        ts_event=0,
        ts_init=0,
    )


if __name__ == "__main__":
    main()
