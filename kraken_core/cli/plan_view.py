"""A plan on a terminal: what will be read and skipped, and what stays missing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from kraken_core.domain.formatting import duration, instant
from kraken_core.domain.gaps import Route
from kraken_core.domain.plan import Action, IngestionPlan
from kraken_core.domain.plural import counted
from kraken_core.pipeline.terminal_table import Column, print_rows


def print_plan(plan: IngestionPlan, console: Console) -> None:
    """Print the plan: archives, then gaps, then what it will take."""
    window = plan.request.window(plan.as_of)
    console.print(f"[bold]Plan[/] for {instant(window.start)} to {instant(window.end)} UTC")
    if plan.archives:
        _print_archives(plan, console)
    if plan.ignored:
        _print_ignored(plan, console)
    for note in plan.all_notes:
        console.print(f"[yellow]![/] {escape(note)}")
    console.print(_gaps(plan))
    if plan.requests or plan.at_most:
        console.print(_requests(plan))
    if plan.download_bytes:
        console.print(f"Downloads {plan.download_bytes / 1e6:,.1f} MB.")
    if plan.unfetched_bytes:
        console.print("Archives that have to be downloaded whole are planned in detail after the download.")
        return
    reads = f"Reads {plan.text_bytes / 1e6:,.1f} MB of text" if plan.to_ingest else "Reads no archive"
    if not plan.to_ingest and not plan.requests:
        console.print("Nothing new to read.")
        return
    console.print(
        f"{reads}, needs about {plan.disk_bytes / 1e6:,.1f} MB of disk and {duration(max(1, plan.estimated_seconds))}."
    )


def _print_archives(plan: IngestionPlan, console: Console) -> None:
    columns = (
        Column("archive", folds=True),
        Column("covers", folds=True),
        *(Column(name, numeric=True) for name in ("ingest", "skip", "not requested", "ignored")),
    )
    actions = Counter((planned.archive, planned.action) for planned in plan.files)
    rows = []
    for index, archive in enumerate(plan.archives):
        read, skipped = actions[index, Action.INGEST], actions[index, Action.SKIP]
        start, end = archive.statement
        covers = " to ".join("?" if at is None else instant(at)[:10] for at in (start, end)) if end else "not stated"
        others = len(archive.files) - read - skipped
        ignored = sum(left_out.count for left_out in archive.ignored.values())
        rows.append(
            (escape(Path(archive.path).name), covers, f"{read:,}", f"{skipped:,}", f"{others:,}", f"{ignored:,}")
        )
    print_rows(console, columns, rows, title="Archives, newest first")


def _print_ignored(plan: IngestionPlan, console: Console) -> None:
    columns = (
        Column("archive", folds=True),
        Column("reason", folds=True),
        Column("files", numeric=True),
        Column("such as", folds=True),
    )
    rows = [
        (escape(Path(path).name), escape(reason), f"{left_out.count:,}", escape(", ".join(left_out.examples)))
        for path, reason, left_out in plan.ignored
    ]
    print_rows(console, columns, rows, title="Ignored files")


def _gaps(plan: IngestionPlan) -> str:
    by_route: Counter[str] = Counter()
    slots: Counter[str] = Counter()
    left = set(plan.left_open)
    for gap in plan.gaps:
        if gap in left:
            continue
        by_route[gap.route.value] += 1
        slots[gap.route.value] += gap.candles
    parts = [_route(route, by_route[route.value], slots[route.value]) for route in Route if by_route[route.value]]
    if left:
        parts.append(
            f"{counted(len(left), 'gap')} of {counted(sum(g.candles for g in left), 'candle')} could be filled by the "
            "exchange but are not requested"
        )
    expected = "; ".join(parts) if parts else "none expected"
    series = counted(plan.unread, "series")
    unread = f" (gaps in {series} can't be estimated until their files are read)" if plan.unread else ""
    return f"Gaps: {expected}{unread}."


def _route(route: Route, gaps: int, slots: int) -> str:
    if route is Route.NONE:
        return f"{counted(gaps, 'gap')} can't be filled ({counted(slots, 'candle')})"
    return f"{route.value} fills {counted(gaps, 'gap')}, fully or partly (of {counted(slots, 'candle')})"


def _requests(plan: IngestionPlan) -> str:
    by_request = [f"{plan.listings:,} for first trades"] if plan.listings else []
    if answers := sum(repair.answers for repair in plan.repairs.repairs):
        by_request.append(f"{answers:,} for candles")
    if pages := plan.repairs.requests - answers:
        by_request.append(f"about {pages:,} for trades")
    most = plan.at_most if plan.limit is None else plan.limit
    bounds = f"{plan.requests:,} to {most:,}" if most > plan.requests else f"{plan.requests:,}"
    detail = f": {', '.join(by_request)}" if by_request else ""
    surprise = "; pauses if more are needed" if plan.limit != plan.request.max_requests else ""
    return f"Requests to the exchange: {bounds}{detail}{surprise}."
