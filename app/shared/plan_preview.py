"""A plan on a page: what a job would read, ask for, need, and leave missing. The same value that a dry run prints."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import PurePath

import streamlit as st

from app.shared import formatting
from app.shared.metrics import show_metrics
from app.shared.tables import numbers
from kraken_core.domain.formatting import byte_size, duration
from kraken_core.domain.gaps import Route
from kraken_core.domain.plan import Action, IngestionPlan

LISTED = 500  # files: a full archive has 12,000, too many to send

LEFT_OPEN = "the exchange, which is not queried for it: left open"
ROUTES = {
    Route.DERIVE: "derived from finer candles",
    Route.OHLC: "the exchange's last 720 candles",
    Route.TRADES: "the exchange's trades",
    Route.DOWNLOAD: "a published archive",
    Route.NONE: "no open route: left missing",
}


def show_plan(plan: IngestionPlan) -> None:
    """The plan, from its figures to its files."""
    window = plan.request.window(plan.as_of)
    since = f"From {formatting.moment(window.start)}" if window.start else "From the beginning"
    st.caption(f"{since} to {formatting.moment(window.end)}")
    actions = Counter(planned.action for planned in plan.files)
    shown = {
        "Files to read": formatting.count(actions[Action.INGEST]),
        "Files skipped": formatting.count(actions[Action.SKIP]),
        "Text to read": byte_size(plan.text_bytes),
        "Requests": _requests(plan),
        "Download": byte_size(plan.download_bytes),
        "Disk": f"about {byte_size(plan.disk_bytes)}",
        "Time": f"about {duration(max(1, plan.estimated_seconds))}",
    }
    show_metrics(shown)
    if plan.unfetched_bytes:
        st.info("What is in archives that are fetched whole is planned once they are here.", icon=":material/info:")
    for note in plan.all_notes:
        st.warning(formatting.plain(note), icon=":material/warning:")
    _gaps(plan)
    _archives(plan, Counter((planned.archive, planned.action) for planned in plan.files))
    _ignored(plan)
    _files(plan)


def _gaps(plan: IngestionPlan) -> None:
    gaps: Counter[Route] = Counter()
    slots: Counter[Route] = Counter()
    left = set(plan.left_open)
    for gap in plan.gaps:
        if gap in left:
            continue
        gaps[gap.route] += 1
        slots[gap.route] += gap.candles
    st.subheader("Gaps foreseen")
    if plan.unread:
        st.caption(f"Gaps in {formatting.count(plan.unread)} series can't be estimated until their files are read.")
    if not plan.gaps:
        st.caption("None.")
        return
    rows = [
        {"Filled by": ROUTES[route], "Gaps": gaps[route], "Candles, up to": slots[route]}
        for route in Route
        if gaps[route]
    ]
    if left:
        rows.append({"Filled by": LEFT_OPEN, "Gaps": len(left), "Candles, up to": sum(gap.candles for gap in left)})
    st.dataframe(rows, hide_index=True, column_config=numbers("Gaps", "Candles, up to"))


def _archives(plan: IngestionPlan, actions: Counter[tuple[int, Action]]) -> None:
    if not plan.archives:
        return
    st.subheader("Archives, newest first")
    st.caption("From when to when they say that they are complete, and what becomes of the files in them.")
    rows = []
    for index, archive in enumerate(plan.archives):
        read, skipped = actions[index, Action.INGEST], actions[index, Action.SKIP]
        start, end = archive.statement
        rows.append(
            {
                "Archive": PurePath(archive.path).name,
                "From (UTC)": formatting.minute(start),
                "To (UTC)": formatting.minute(end),
                "Read": read,
                "Skip": skipped,
                "Not requested": len(archive.files) - read - skipped,
                "Ignored": sum(left_out.count for left_out in archive.ignored.values()),
            }
        )
    st.dataframe(rows, hide_index=True, column_config=numbers("Read", "Skip", "Not requested", "Ignored"))


def _ignored(plan: IngestionPlan) -> None:
    if not plan.ignored:
        return
    st.subheader("Ignored files")
    st.caption("Files in the archives that are not read, why, and the first few names.")
    rows = [
        {
            "Archive": PurePath(path).name,
            "Reason": reason,
            "Files": left_out.count,
            "Such as": ", ".join(left_out.examples),
        }
        for path, reason, left_out in plan.ignored
    ]
    st.dataframe(rows, hide_index=True, column_config=numbers("Files"))


def _files(plan: IngestionPlan) -> None:
    if not plan.files:
        return
    with st.expander(f"Files ({formatting.count(len(plan.files))})"):
        rows = [
            {
                "File": planned.file.member,
                "Pair": str(planned.file.series.pair),
                "Interval": formatting.interval(planned.file.series.interval),
                "Size": byte_size(planned.file.size),
                "Action": planned.action.value,
                "Reason": planned.reason,
            }
            for planned in islice(plan.files, LISTED)
        ]
        st.dataframe(rows, hide_index=True)
        if len(plan.files) > LISTED:
            st.caption(
                f"The first {formatting.count(LISTED)}, in the order they are read. All of them: a dry run with --json."
            )


def _requests(plan: IngestionPlan) -> str:
    """Between what bounds they are: some gaps show only when files are read."""
    most = plan.at_most if plan.limit is None else plan.limit
    least = formatting.count(plan.requests)
    return f"{least} – {formatting.count(most)}" if most > plan.requests else least
