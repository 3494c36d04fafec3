"""The installed exchanges, and what is stored of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from kraken_core.domain.exchange import SPOT
from kraken_core.domain.redaction import without_secrets
from kraken_core.domain.venues import SPOT_NAME, entries, venue
from kraken_core.ports import PairRecord
from kraken_core.settings import Settings


def exchange_rows(settings: Settings, records: Iterable[PairRecord]) -> list[dict[str, Any]]:
    """A row for each, as in ``exchanges --json``: Kraken spot first."""
    stored = Counter(record.pair.venue for record in records)
    found = [SPOT, *(venue(name) for name in entries() if name != SPOT_NAME)]
    return [
        {
            "exchange": each.name,
            "title": each.title,
            "url": without_secrets(settings.exchange_url(each)),
            "intervals": list(each.intervals),
            "newest": each.newest,
            "trades": each.trades,
            "stored_pairs": stored[each.name],
        }
        for each in found
    ]
