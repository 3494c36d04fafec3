"""Which trades a home keeps."""

from __future__ import annotations

from functools import partial

from kraken_core.domain.errors import SettingError, UnknownTierError
from kraken_core.domain.jobs import IngestionJob
from kraken_core.domain.tiers import Tiers
from kraken_core.pipeline.keep_trades import TradeKeeper
from kraken_core.ports import Ledger
from kraken_core.settings import Settings
from kraken_core.stores.trades.trade_table import TradeTable


def keeper(
    settings: Settings, tiers: Tiers, table: TradeTable, ledger: Ledger, job: IngestionJob
) -> TradeKeeper | None:
    """What keeps the trades that a job reads; None where none are to be kept. Raises SettingError."""
    if not settings.keep_trades:
        return None
    try:
        names = tiers.check(settings.keep_trades)
    except UnknownTierError as error:
        raise SettingError(f"{settings.origins.get('keep_trades', 'keep_trades')}: keep_trades: {error}") from error
    patient = table.with_retries()
    ledger.record_trades_version(job.id, patient.version)
    patient.rename(ledger.renamed())
    return TradeKeeper(patient, ledger, partial(tiers.holds, names), settings.trades_table, job.id)
