"""Incidents of the whole exchange, as dated spans; and those that its status page names."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from kraken_core.domain.errors import UsageError
from kraken_core.domain.timerange import TimeRange

if TYPE_CHECKING:
    from collections.abc import Iterable

OBSERVED, KNOWN, STATUS_PAGE = "observed", "known", "status page"


class Incident(NamedTuple):
    """A span ``[start, end)``, epoch seconds, that concerned the exchange.

    ``pairs`` of the ``of_pairs`` that are stored then had no trades in all of it. ``source``: ``observed`` in the
    candles, ``known`` from the packaged table, or the ``status page``, whose ``name`` and ``impact`` are its own.
    """

    start: int
    end: int
    pairs: int
    of_pairs: int
    source: str
    name: str = ""
    impact: str = ""

    @property
    def share(self) -> float:
        """The share of the stored pairs that had no trades."""
        return self.pairs / self.of_pairs if self.of_pairs else 0.0


def tightest(spans: Iterable[TimeRange]) -> list[TimeRange]:
    """Of spans that overlap the shortest: pairs that trade seldom are silent for longer than the exchange."""
    found: list[TimeRange] = []
    for start, end in sorted(set(spans), key=lambda span: (span[1] - span[0], span)):
        if not any(start < other.end and other.start < end for other in found):
            found.append(TimeRange(start, end))
    return sorted(found)


def status_page(text: str, origin: str) -> list[Incident]:
    """The incidents of a status page's ``incidents.json``, without pairs; one that goes on ends with its last update.

    Kraken's page is of Statuspage: ``{"incidents": [{"name", "impact", "started_at", "created_at", "updated_at",
    "resolved_at", …}]}`` (https://status.kraken.com/api/v2/incidents.json). Raises UsageError for any other form.
    """
    try:
        rows = json.loads(text)["incidents"]
        return [found for row in rows if (found := _of_page(row)).start < found.end]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{origin} is no history of a status page: expected a JSON document with the list incidents, "
            "as status.kraken.com/api/v2/incidents.json is."
        ) from error


def _of_page(row: dict[str, Any]) -> Incident:
    start, end = row.get("started_at") or row["created_at"], row.get("resolved_at") or row["updated_at"]
    name, impact = str(row["name"]), str(row.get("impact") or "")
    return Incident(_instant(start), _instant(end), 0, 0, STATUS_PAGE, name, impact)


def _instant(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return int(moment.timestamp())
