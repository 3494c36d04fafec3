"""One job in detail: what it was asked, what it did, its files, events, errors and log."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import polars as pl
import streamlit as st

from app.shared import formatting
from app.shared.filters import IN_URL
from app.shared.metrics import show_metrics
from app.shared.tables import numbers
from app.shared.workbench_cache import workbench
from kraken_core.domain.jobs import FileStatus, IngestionJob

LISTED = 500  # files or rows: more are too many to send
LOG_BYTES = 64_000  # the end of the log
PARTS = ("Files", "Events", "Errors", "Log")


def detail(job: IngestionJob) -> None:
    """The job, and one of its parts: the URL says which."""
    window, request, metrics = job.request.window(job.as_of), job.request, job.metrics
    intervals = ", ".join(map(formatting.interval, request.intervals))
    with st.container():  # an error comes and goes: see app/shared/filters.py
        st.text(f"{formatting.status(job)} · {formatting.asked_for(job)} · {intervals}")
        since = formatting.moment(window.start) if window.start else "the beginning"
        st.caption(
            f"Wanted: from {since} to {formatting.moment(window.end)} · started {formatting.moment(job.started_at)}"
            f" · ended {formatting.moment(job.finished_at)}"
        )
        if job.error:
            st.error(formatting.plain(job.error), icon=":material/error:")
    counts = {
        "Files read": metrics.files_ingested,
        "skipped": metrics.files_skipped,
        "failed": metrics.files_failed,
        "New candles": metrics.records_ingested,
        "changed": metrics.records_changed,
        "Rows rejected": metrics.records_rejected,
        "Requests": metrics.requests,
        "Gaps found": metrics.gaps_detected,
        "filled": metrics.gaps_filled,
        "open": metrics.gaps_open,
    }
    show_metrics({label: formatting.count(number) for label, number in counts.items()}, border=False)
    part = st.segmented_control("Show", PARTS, default=PARTS[0], key="show", bind=IN_URL, required=True)
    {"Files": _files, "Events": _events, "Errors": _errors, "Log": _log}[part](job)


def _files(job: IngestionJob) -> None:
    files = workbench().control.files(job.id)
    chosen = st.pills("Status", list(FileStatus), key="file_status", bind=IN_URL, format_func=lambda s: s.lower())
    found = [file for file in files if chosen in {None, file.status}]
    if not found:
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
        for file in islice(found, LISTED)
    ]
    st.dataframe(rows, hide_index=True, column_config=numbers("Rows", "New", "Changed", "Rejected"))
    if len(found) > LISTED:
        st.caption(
            f"The first {formatting.count(LISTED)} of {formatting.count(len(found))}; "
            "`kraken-history sql` sees all of them."
        )


def _events(job: IngestionJob) -> None:
    events = workbench().control.events(job.id)
    st.dataframe(
        [{"When": formatting.moment(event.at), "What": event.kind, "Said": event.message} for event in events],
        hide_index=True,
    )


def _errors(job: IngestionJob) -> None:
    failed = workbench().control.failed_files(job.id)
    rejects = workbench().runner.rejects(job.id)
    if not failed and not rejects.exists():
        st.caption("None: every file was read, and every row taken.")
    if failed:
        st.subheader("Files that could not be read")
        rows = [{"File": file.member, "Reason": file.error or "", "In": file.path} for file in failed]
        st.dataframe(rows[:LISTED], hide_index=True)
    if rejects.exists():
        st.subheader("Rows that were not taken")
        st.dataframe(pl.read_csv(rejects, n_rows=LISTED, infer_schema=False, glob=False), hide_index=True)
        st.caption(f"The first {formatting.count(LISTED)} at most; all of them: {formatting.plain(str(rejects))}")


def _log(job: IngestionJob) -> None:
    log = workbench().runner.log(job.id)
    if not (end := _end_of(log)):
        st.caption("Nothing was logged.")
        return
    st.code(end, language=None, wrap_lines=True, height=400)
    st.caption(f"The end of {formatting.plain(str(log))}; times are those of that machine.")


def _end_of(log: Path) -> str:
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_BYTES))
        return file.read().decode("utf-8", "replace")
