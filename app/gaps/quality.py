"""Quality: does what is stored agree, which silences are suspicious, and what was revised."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.gaps.audits import audits
from app.gaps.backfill import as_words
from app.gaps.verifications import verification_history
from app.shared import formatting
from app.shared.tables import numbers, percentages
from app.shared.workbench_cache import remembered, workbench
from kraken_core import Workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.domain.formatting import duration
from kraken_core.domain.market import Pair
from kraken_core.domain.request import Selection
from kraken_core.domain.run_history import VerificationRecord
from kraken_core.domain.verification.checks import MEANINGS, Check
from kraken_core.domain.verification.silences import KNOWN_SILENCES, Silence
from kraken_core.workbench.queries.run_history import key_of

LISTED = 200
SUSPICIOUS = "suspicious"
_REVISED = """
select pair, interval_minutes, member, path, records_changed, job_id, updated_at
from files where records_changed > 0 order by updated_at desc, pair, interval_minutes
"""

_DIFFERENCES = """
select pair, interval_minutes, kept_source, kept_path, other_source, other_path, sum(slots)::bigint as slots,
    min(start_time) as first, max(end_time) as last, max(price_difference) as price,
    max(volume_difference) as volume, max(trades_difference) as trades
from differences group by all order by slots desc, pair, interval_minutes
"""


@remembered
def differences(workbench: Workbench, chosen: Selection) -> pl.DataFrame:
    """Between which sources series of a selection differ, how often and by how much at most; the most slots first."""
    return _selected(workbench, workbench.sql(_DIFFERENCES, to="polars"), chosen)


@remembered
def revisions(workbench: Workbench, chosen: Selection) -> pl.DataFrame:
    """Files that brought other values of a selection's series than were stored, newest first."""
    return _selected(workbench, workbench.sql(_REVISED, to="polars"), chosen)


def _selected(workbench: Workbench, found: pl.DataFrame, chosen: Selection) -> pl.DataFrame:
    pairs = [pair for pair in found["pair"].unique() if chosen.holds(Pair.parse(pair), workbench.tiers)]
    return found.filter(pl.col("pair").is_in(pairs) & pl.col("interval_minutes").is_in(chosen.intervals))


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
    _differences(filtered)
    _revisions(filtered)
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
        st.success("Everything checked agrees.", icon=":material/check_circle:")
    else:
        st.error("Something does not agree: see below.", icon=":material/error:")
    rows = [
        {
            "Check": f"{_sign(check)} {check.name}",
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


def _sign(check: Check) -> str:
    if check.failed:
        return "✗"
    return "!" if check.examples else "✓"


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


def _differences(filtered: Selection) -> None:
    st.subheader("Differences between sources")
    found = differences(filtered)
    if not found.height:
        st.caption("No two sources gave an interval of this selection different values.")
        return
    st.caption(
        "Where two sources gave the same candle different values, which of them is in force, and the largest "
        f"differences, relative to the larger value; the {LISTED} with the most candles at most. Neither confirms the "
        "other there."
    )
    st.dataframe(
        found.head(LISTED).select(
            pl.col("pair").alias("Pair"),
            _interval(),
            pl.col("slots").alias("Candles"),
            _source("kept").alias("In force"),
            _source("other").alias("Differs"),
            pl.col("first").dt.strftime("%Y-%m-%d %H:%M").alias("From (UTC)"),
            pl.col("last").dt.strftime("%Y-%m-%d %H:%M").alias("To (UTC)"),
            *((100 * pl.col(name)).alias(f"{name.capitalize()} ≤") for name in ("price", "volume", "trades")),
        ),
        hide_index=True,
        column_config=numbers("Candles") | percentages("Price ≤", "Volume ≤", "Trades ≤"),
    )


def _interval() -> pl.Expr:
    labels = pl.col("interval_minutes").replace_strict(formatting.INTERVAL_LABELS, return_dtype=pl.String)
    return labels.alias("Interval")


def _source(name: str) -> pl.Expr:
    """A file by its archive, all else by its kind."""
    path = pl.col(f"{name}_path")
    archive = path.str.strip_chars_end("/").str.split("/").list.last()
    return pl.when(path.is_null() | (path == "")).then(f"{name}_source").otherwise(archive)


def _revisions(filtered: Selection) -> None:
    st.subheader("Revisions")
    found = revisions(filtered)
    if not found.height:
        st.caption("No file has another value for a stored candle of this selection.")
        return
    st.caption(f"Files whose values replaced stored ones, being of a higher rank; the newest {LISTED} at most.")
    st.dataframe(
        found.head(LISTED).select(
            pl.col("pair").alias("Pair"),
            _interval(),
            pl.col("member").alias("File"),
            pl.col("path").alias("Archive"),
            pl.col("records_changed").alias("Candles changed"),
            pl.col("job_id").alias("Job"),
            pl.col("updated_at").dt.strftime("%Y-%m-%d %H:%M").alias("At (UTC)"),
        ),
        hide_index=True,
        column_config=numbers("Candles changed"),
    )


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
