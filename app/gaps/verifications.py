"""Verifications over time: when what was verified, what failed, and the trend of that and of what is suspicious."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.shared import formatting
from app.shared.tables import numbers
from kraken_core.domain.run_history import VerificationRecord
from kraken_core.workbench.figures.trends import verification_trend

LISTED = 200


def verification_history(verified: Sequence[VerificationRecord]) -> None:
    """All there were, newest first, and how many findings each had; nothing where there was none."""
    if not verified:
        return
    st.subheader("Verifications over time")
    if len(verified) > 1:
        figure = verification_trend(
            [(each.at, each.selection, _failed(each), len(each.suspicious)) for each in verified]
        )
        st.plotly_chart(figure, config={"displayModeBar": False}, key="verifications")
    rows = [
        {
            "At (UTC)": formatting.minute(each.at),
            "Selection": each.selection,
            "Result": "✓ agrees" if each.ok else "✗ failed",
            "Checks failed": ", ".join(check.name for check in each.checks if check.failed),
            "Failures": _failed(each),
            "Suspicious silences": len(each.suspicious),
        }
        for each in verified[:LISTED]
    ]
    st.dataframe(rows, hide_index=True, column_config=numbers("Failures", "Suspicious silences"))
    if len(verified) > LISTED:
        st.caption(f"The newest {formatting.count(LISTED)} of {formatting.count(len(verified))}.")


def _failed(found: VerificationRecord) -> int:
    return sum(check.failed for check in found.checks)
