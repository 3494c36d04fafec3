"""One job in detail: what it was asked, what it did, its files, events, errors and log."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import polars as pl
import streamlit as st

from app.jobs.runs import TRIGGERS, intervals, kind
from app.shared import formatting
from app.shared.filters import IN_URL
from app.shared.metrics import show_metrics
from app.shared.tables import numbers
from app.shared.workbench_cache import workbench
from kraken_core.domain.formatting import duration
from kraken_core.domain.jobs import FileStatus, IngestionJob, JobStatus

LISTED = 500  # files or rows: more are too many to send
TENTHS_S = 60  # below, durations have tenths of a second
LOG_BYTES = 64_000  # the end of the log
PARTS = ("Files", "Stages", "Gaps", "Events", "Errors", "Log")
REASONS = 30  # different ones


def detail(job: IngestionJob) -> None:
    """The job, and one of its parts: the URL says which."""
    window, metrics = job.request.window(job.as_of), job.metrics
    with st.container():  # an error comes and goes: see app/shared/filters.py
        st.text(f"{formatting.status(job)} · {kind(job)} · {formatting.subject(job)} · {intervals(job)}")
        since = formatting.moment(window.start) if window.start else "the beginning"
        st.caption(
            f"Expected: from {since} to {formatting.moment(window.end)} · begun {TRIGGERS[job.trigger]} · started "
            f"{formatting.moment(job.started_at)} · ended {formatting.moment(job.finished_at)}"
        )
        if job.undone_at:
            st.warning(
                f"Undone at {formatting.moment(job.undone_at)}: what it stored is no longer in the home. The figures "
                "below are those of its run.",
                icon=":material/undo:",
            )
        if job.error:
            st.error(formatting.plain(job.error), icon=":material/error:")
    counts = {
        "Files read": metrics.files_ingested,
        "skipped": metrics.files_skipped,
        "failed": metrics.files_failed,
        "New candles": metrics.records_ingested,
        "changed": metrics.records_changed,
        "Rejected rows": metrics.records_rejected,
        "Requests": metrics.requests,
        "Gaps found": metrics.gaps_detected,
        "filled": metrics.gaps_filled,
        "open": metrics.gaps_open,
    }
    show_metrics({label: formatting.count(number) for label, number in counts.items()}, border=False)
    part = st.segmented_control("Show", PARTS, default=PARTS[0], key="show", bind=IN_URL, required=True)
    shown = {"Files": _files, "Stages": _stages, "Gaps": _gaps, "Events": _events, "Errors": _errors, "Log": _log}
    shown[part](job)


def _files(job: IngestionJob) -> None:
    chosen = st.pills("Status", list(FileStatus), key="file_status", bind=IN_URL, format_func=lambda s: s.lower())
    found = workbench().control.files(job.id, LISTED, chosen)
    if not found.first:
        st.caption("None.")
        return
    rows = [
        {
            "File": file.member,
            "Pair": str(file.series.pair),
            "Interval": formatting.interval(file.series.interval),
            "Status": file.status.lower(),
            "Rows": file.records,
            "New": file.records_new,
            "Changed": file.records_changed,
            "Rejected": file.records_rejected,
            "Reason": file.error or "",
        }
        for file in found.first
    ]
    st.dataframe(rows, hide_index=True, column_config=numbers("Rows", "New", "Changed", "Rejected"))
    _reasons(found.reasons)
    if found.total > LISTED:
        st.caption(
            f"The first {formatting.count(LISTED)} of {formatting.count(found.total)}; "
            "`kraken-history sql` sees all of them."
        )


def _events(job: IngestionJob) -> None:
    events = workbench().control.events(job.id)
    newest = events[-LISTED:]
    st.table([{"When (UTC)": formatting.minute(e.at), "What": e.kind, "Message": formatting.plain(e.message)}
              for e in newest], hide_index=True)  # fmt: skip
    if len(events) > LISTED:
        st.caption(f"The newest {formatting.count(LISTED)} of {formatting.count(len(events))}.")


def _stages(job: IngestionJob) -> None:
    """How long each stage took, of all its rounds together."""
    stages = workbench().control.stages(job.id)
    if not stages:
        st.caption("No stage has ended, or the job ran in a version that did not keep their times.")
        return
    total = sum(stage.seconds for stage in stages)
    rows = []
    for name in dict.fromkeys(stage.stage for stage in stages):
        its = [stage for stage in stages if stage.stage == name]
        seconds = sum(stage.seconds for stage in its)
        rows.append(
            {
                "Stage": name,
                "Began (UTC)": f"{its[0].started_at:%Y-%m-%d %H:%M:%S}",
                "Took": f"{seconds:.1f} s" if seconds < TENTHS_S else duration(seconds),
                "Share": 100 * seconds / total if total else 0.0,
                "Rounds": len(its),
            }
        )
    share = st.column_config.ProgressColumn(format="%d %%", max_value=100)
    st.dataframe(rows, hide_index=True, height="content", column_config=numbers("Rounds") | {"Share": share})
    if job.status is JobStatus.RUNNING:
        st.caption("Stages that have ended; the one it is at is above.")


def _gaps(job: IngestionJob) -> None:
    """What became of each gap."""
    gaps = workbench().control.gaps(job.id, LISTED)
    if not gaps.first:
        st.caption("None: this job was not the last one to change any gap.")
        return
    st.caption(
        "Gaps that this job was the last one to change: "
        + ", ".join(f"{formatting.count(many)} {status.lower()}" for status, many in gaps.by_status.items())
        + "."
    )
    rows = [
        {
            "Pair": str(gap.series.pair),
            "Interval": formatting.interval(gap.series.interval),
            "From (UTC)": formatting.minute(gap.start),
            "To (UTC)": formatting.minute(gap.end),
            "Candles": gap.candles,
            "Outcome": gap.status.lower(),
            "Route": str(gap.route),
            "Reason": gap.reason,
        }
        for gap in gaps.first
    ]
    st.dataframe(rows, hide_index=True, column_config=numbers("Candles"))
    if gaps.total > LISTED:
        st.caption(f"The first {formatting.count(LISTED)} of {formatting.count(gaps.total)}.")
    _reasons(gaps.reasons)


def _reasons(reasons: Mapping[str, int]) -> None:
    """The reasons in full, which a table cuts off: each once, the most frequent first."""
    if not reasons:
        return
    with st.expander(f"Reasons in full: {formatting.count(len(reasons))}"):
        for reason, many in islice(reasons.items(), REASONS):
            st.text(f"{formatting.count(many)} × {reason}")
        if len(reasons) > REASONS:
            st.caption(f"The {REASONS} most frequent.")


def _errors(job: IngestionJob) -> None:
    failed = workbench().control.files(job.id, LISTED, FileStatus.FAILED)
    rejects = workbench().runner.rejects(job.id)
    if not failed.first and not rejects.exists():
        is_clean = job.status is JobStatus.COMPLETED and not job.error
        st.caption(
            "None: every file was read, and no row was rejected."
            if is_clean
            else "No file failed and no row was rejected, as far as the job came."
        )
    if failed.first:
        st.subheader("Files that could not be read")
        rows = [{"File": file.member, "Reason": file.error or "", "In": file.path} for file in failed.first]
        st.dataframe(rows, hide_index=True)
        if failed.total > LISTED:
            st.caption(f"The first {formatting.count(LISTED)} of {formatting.count(failed.total)}.")
        _reasons(failed.reasons)
    if rejects.exists():
        st.subheader("Rejected rows")
        rejected = pl.read_csv(rejects, n_rows=LISTED, infer_schema=False, glob=False)
        st.dataframe(rejected.rename(str.capitalize), hide_index=True)
        st.caption(f"The first {formatting.count(LISTED)} at most; all of them: {formatting.plain(str(rejects))}")
        counts = rejected["reason"].value_counts(sort=True)
        _reasons(dict(counts.iter_rows()))


def _log(job: IngestionJob) -> None:
    log = workbench().runner.log(job.id)
    if not (end := _end_of(log)):
        st.caption("Nothing was logged.")
        return
    st.code(end, language=None, wrap_lines=True, height=400)
    st.caption(f"The end of {formatting.plain(str(log))}; its times are in UTC.")


def _end_of(log: Path) -> str:
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_BYTES))
        return file.read().decode("utf-8", "replace")
