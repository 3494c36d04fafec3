"""Quality: does what is stored agree, which silences are suspicious, and what was revised."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.gaps.audits import audits
from app.gaps.backfill import as_words
from app.gaps.source_differences import file_revisions, source_differences
from app.gaps.verifications import verification_history
from app.shared import formatting
from app.shared.tables import numbers
from app.shared.workbench_cache import workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.domain.formatting import duration
from kraken_core.domain.request import Selection
from kraken_core.domain.run_history import VerificationRecord
from kraken_core.domain.verification.checks import MEANINGS, Check, Outcome
from kraken_core.domain.verification.silences import KNOWN_SILENCES, Silence
from kraken_core.workbench.queries.run_history import key_of

LISTED = 200
SIGNS = {Outcome.FAILED: "✗", Outcome.REPORTED: "!", Outcome.AGREED: "✓", Outcome.NOT_CHECKED: "–"}
SUSPICIOUS = "suspicious"


def quality(filtered: Selection) -> None:
    """The tab."""
    st.caption(
        "Cross-checks coarse candles against finer ones and the ledger against the candles, and looks for suspicious "
        "silences."
    )
    if st.button("Verify the selection", icon=":material/fact_check:", type="primary"):
        _verify(filtered)
    verified = workbench().run_records.verifications()
    of_selection = [each for each in verified if each.key == key_of(filtered)]
    if of_selection:
        newest = of_selection[0]
        st.subheader("Last verification of this selection")
        st.caption(f"At {formatting.moment(newest.at)}: {formatting.plain(newest.selection)}.")
        if newest.state != workbench().change_token:
            st.info("The home has changed since: verify again.", icon=":material/update:")
        _checks(newest)
        _suspicious(newest.suspicious)
    else:
        st.caption(
            "This selection was not verified yet. It reads every candle of the selection: choose a tier or a pair."
        )
    verification_history(verified)
    audits(filtered)
    source_differences(filtered)
    file_revisions(filtered)
    _silences()


def _verify(filtered: Selection) -> None:
    bar = st.progress(0.0, "Verifying …")
    try:
        bar_of = partial(_progress, bar)
        workbench().verify(report_only=True, progress=bar_of, **as_words(filtered))  # a page only looks
    except KrakenError as error:
        st.error(formatting.plain(str(error)), icon=":material/error:")
    finally:
        bar.empty()


def _progress(bar: DeltaGenerator, report: Any) -> None:  # noqa: ANN401 - a ProgressReport, of a layer we do not know
    bar.progress(
        min(report.done / max(report.total, 1), 1.0), f"Verifying: {formatting.count(report.done)} candles read"
    )


def _checks(found: VerificationRecord) -> None:
    if found.ok:
        st.success(formatting.plain(_agreement(found.checks)), icon=":material/check_circle:")
    else:
        st.error("Something does not agree: see below.", icon=":material/error:")
    rows = [
        {
            "Check": f"{SIGNS[check.outcome]} {check.name}",
            "Outcome": check.outcome.value,
            "Rule": MEANINGS.get(check.name, ""),
            "Series": check.series,
            "Checked": check.checked,
            "Failed": check.failed,
        }
        for check in found.checks
    ]
    st.dataframe(rows, hide_index=True, column_config=numbers("Series", "Checked", "Failed"), height="content")
    for check in found.checks:
        if check.examples and check.name != SUSPICIOUS:  # which has a table
            with st.expander(
                f"{check.name}: {formatting.many(len(check.examples), 'line')}", expanded=bool(check.failed)
            ):
                st.text("\n".join(check.examples))


def _agreement(checks: Sequence[Check]) -> str:
    """What is said of checks of which none failed."""
    of = {outcome: [check.name for check in checks if check.outcome is outcome] for outcome in Outcome}
    parts = ["Everything checked agrees." if of[Outcome.AGREED] else "No check failed."]
    if reported := of[Outcome.REPORTED]:
        parts.append(f"Reported, for a closer look: {', '.join(reported)}.")
    if unchecked := of[Outcome.NOT_CHECKED]:
        parts.append(f"Not checked, as there was nothing to compare: {', '.join(unchecked)}.")
    return " ".join(parts)


def silence_rows(silences: Sequence[Silence]) -> list[dict[str, str | int]]:
    """Suspicious silences, a row each."""
    return [
        {
            "Pair": str(series.pair),
            "Interval": formatting.interval(series.interval),
            "From (UTC)": formatting.minute(start),
            "To (UTC)": formatting.minute(end),
            "Lasting": duration(end - start),
            "Trades expected": round(expected),
        }
        for series, start, end, expected in silences
    ]


def _suspicious(silences: Sequence[Silence]) -> None:
    st.subheader("Suspicious silences")
    if not silences:
        st.caption(
            "None: each silence is explained by the pair's own rate of trades, or was one of the whole exchange."
        )
        return
    st.caption(
        f"Spans without trades though the pair's own rate makes trades likely; the {LISTED} least likely at most. "
        f"They are doubtful, not complete: a newer archive, or the exchange's trades, settles them."
    )
    st.dataframe(silence_rows(silences[:LISTED]), hide_index=True, column_config=numbers("Trades expected"))


def _silences() -> None:
    with st.expander("Known silences of the whole exchange"):
        rows = [
            {
                "From": formatting.moment(start),
                "To": formatting.moment(end),
                "Lasting": duration(end - start),
            }
            for start, end in KNOWN_SILENCES
        ]
        st.dataframe(rows, hide_index=True)
