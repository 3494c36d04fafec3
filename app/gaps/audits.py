"""Audits: when counts of trades were compared with the exchange's trade ids, and what that proves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.shared import formatting
from app.shared.tables import numbers, percentages
from app.shared.workbench_cache import remembered
from kraken_core import Workbench
from kraken_core.domain.audit_summary import summaries
from kraken_core.domain.request import Selection

if TYPE_CHECKING:
    from kraken_core.domain.audit import AuditedSpan
    from kraken_core.domain.market import Series
    from kraken_core.workbench.queries.audits import AuditFinding

LISTED = 200


@remembered
def audited(workbench: Workbench, chosen: Selection) -> tuple[list[AuditedSpan], list[AuditFinding]]:
    """The spans of a selection that were audited, and those of them that differ, with their sources."""
    spans = workbench.audits.spans(chosen)
    return spans, workbench.audits.findings(spans, LISTED)


def audits(filtered: Selection) -> None:
    """The part of the tab."""
    st.subheader("Audits by trade ids")
    spans, differing = audited(filtered)
    if not spans:
        st.caption(
            "Nothing of this selection was audited yet: `kraken-history audit` compares the trade counts of stored "
            "candles with the exchange's trade ids, with two requests a pair."
        )
        return
    st.caption("Where as many trades are stored as trade ids count, a span is proved to be complete.")
    latest: dict[Series, int] = {}
    for span in spans:
        latest[span.series] = max(latest.get(span.series, 0), span.audited_at)
    rows = [
        {
            "Pair": str(series.pair),
            "Interval": formatting.interval(series.interval),
            "Last audit (UTC)": formatting.minute(latest[series]),
            "Audited": counts.slots,
            "Proved": 100 * counts.proved / counts.slots,
            "More by ids": counts.more,
            "Fewer by ids": counts.fewer,
            "Not compared": counts.unknown,
        }
        for series, counts in summaries(spans).items()
    ]
    columns = numbers("Audited", "More by ids", "Fewer by ids", "Not compared") | percentages("Proved")
    st.dataframe(rows[:LISTED], hide_index=True, column_config=columns)
    if differing:
        st.caption(
            f"Where counts differ; {LISTED} at most. Candles with fewer trades than ids are doubtful. To settle them, "
            "run `kraken-history audit --locate`, then backfill."
        )
        st.dataframe(
            [
                {
                    "Pair": str(span.series.pair),
                    "Interval": formatting.interval(span.series.interval),
                    "From (UTC)": formatting.minute(span.start),
                    "To (UTC)": formatting.minute(span.end),
                    "Trades stored": span.stored,
                    "Trades by ids": span.by_ids,
                    "Sources": ", ".join(sources),
                }
                for span, sources in differing
            ],
            hide_index=True,
            column_config=numbers("Trades stored", "Trades by ids"),
        )
