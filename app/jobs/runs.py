"""The runs of the past, as bars and as a table: a bar or a row that is clicked is the job that is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from app.jobs.choice import choose
from app.shared import formatting
from app.shared.tables import numbers
from app.shared.workbench_cache import workbench
from kraken_core.domain.formatting import duration
from kraken_core.domain.jobs import IngestionJob, JobStatus
from kraken_core.domain.market import INTERVALS
from kraken_core.workbench.figures.runs import UNDONE, RunBar, run_bars

DRAWN = 60  # bars: the newest
WIDE_PX = 85  # of columns that would be cut off
TRIGGERS = {None: formatting.NOTHING, "hand": "by hand", "watch": "by a watch", "live": "by live"}


def runs(jobs: Sequence[IngestionJob], at: IngestionJob) -> None:
    """The jobs, newest first, of which ``at`` is looked at."""
    if not jobs:
        st.caption("No job is like that.")
        return
    now, stopped = workbench().clock.now(), workbench().control.seconds_stopped()
    took = {job.id: job.seconds_run(now, stopped.get(job.id, 0)) for job in jobs}
    # With another choice, or other jobs, they are other widgets: what was clicked on before is chosen no more
    state = f"{at.id} {[job.id for job in jobs]}"
    drawn = jobs[:DRAWN][::-1]
    bars = f"runs {state}"
    st.plotly_chart(
        run_bars([_bar(job, took[job.id]) for job in drawn], at.id),
        key=bars,
        on_select=_choosing(jobs, bars, _of_bars),
        selection_mode="points",
        config={"displayModeBar": False},
    )
    left_out = f" The newest {DRAWN} of {formatting.count(len(jobs))}." if len(jobs) > DRAWN else ""
    st.caption(f"Click a bar or a row to see its job.{left_out}")
    table = f"history {state}"
    st.dataframe(
        [_row(job, took[job.id]) for job in jobs],
        hide_index=True,
        key=table,
        on_select=_choosing(jobs, table, _of_rows(jobs)),
        selection_mode=("single-row", "single-cell"),
        selection_default={"selection": {"rows": [jobs.index(at)] if at in jobs else []}},
        column_config=numbers("Files", "New candles")
        | {
            "Progress": st.column_config.ProgressColumn(format="%d %%", max_value=100, width="small"),
            "Took": st.column_config.TextColumn(width=WIDE_PX),
            "Gaps open": st.column_config.NumberColumn(format="localized", width=WIDE_PX),
        },
    )


def _choosing(
    jobs: Sequence[IngestionJob], key: str, ids: Callable[[Mapping[str, Any]], list[int]]
) -> Callable[[], None]:
    """What to do on a click: the job that it tells becomes the one that is shown below."""

    def on_select() -> None:
        clicked = ids(st.session_state[key]["selection"])
        for job in jobs:
            if job.id in clicked[:1]:
                choose(job)

    return on_select


def _of_bars(selection: Mapping[str, Any]) -> list[int]:
    return [int(point["customdata"]) for point in selection["points"]]


def _of_rows(jobs: Sequence[IngestionJob]) -> Callable[[Mapping[str, Any]], list[int]]:
    def ids(selection: Mapping[str, Any]) -> list[int]:
        return [jobs[row].id for row in [*(row for row, _ in selection["cells"]), *selection["rows"]]]

    return ids


def outcome(job: IngestionJob) -> str:
    """How a job ended, as the colours of bars tell it apart; one that was undone since counts no more."""
    if job.undone_at:
        return UNDONE
    if job.status is JobStatus.COMPLETED and (job.error or job.metrics.files_failed):
        return "completed with errors"
    return job.status.lower()


def kind(job: IngestionJob) -> str:
    """What a job was: an ingest, a backfill, or another kind."""
    return str(job.kind or job.request.kind)


def intervals(job: IngestionJob) -> str:
    """The intervals of a job: 1h, 1d."""
    if job.request.intervals == INTERVALS:
        return "all intervals"
    return ", ".join(map(formatting.interval, job.request.intervals))


def _bar(job: IngestionJob, took: float | None) -> RunBar:
    hover = [
        f"Job {job.id}: {formatting.status(job)}",
        f"{kind(job)} of {formatting.subject(job)}",
        intervals(job),
        f"began {formatting.moment(job.started_at)}, {TRIGGERS[job.trigger]}",
        f"lasted {formatting.NOTHING if took is None else duration(took)}",
    ]
    began = f"{job.started_at:%m-%d %H:%M}" if job.started_at else ""
    return RunBar(job.id, outcome(job), took or 0.0, hover, began)


def _row(job: IngestionJob, took: float | None) -> dict[str, Any]:
    return {
        "Job": job.id,
        "Status": formatting.status(job),
        "Kind": kind(job),
        "What": formatting.subject(job),
        "Intervals": intervals(job),
        "Trigger": TRIGGERS[job.trigger],
        "Progress": job.progress_pct,
        "Started (UTC)": formatting.NOTHING if job.started_at is None else f"{job.started_at:%Y-%m-%d %H:%M}",
        "Took": formatting.NOTHING if took is None else duration(took),
        "Files": job.total_files,
        "New candles": job.records_ingested,
        "Gaps open": job.metrics.gaps_open,
    }
