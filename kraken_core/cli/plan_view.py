"""A plan on a terminal: what will be read, skipped and left missing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kraken_core.domain.formatting import duration, instant
from kraken_core.domain.gaps import Route
from kraken_core.domain.plan import Action, IngestionPlan
from kraken_core.pipeline.report_terminal import new_table


def print_plan(plan: IngestionPlan, console: Console) -> None:
    """Print the plan: archives, then gaps, then what it will take."""
    window = plan.request.window(plan.as_of)
    console.print(f"[bold]Plan[/] for {instant(window.start)} to {instant(window.end)} UTC")
    if plan.archives:
        console.print(_archives(plan))
    if plan.ignored:
        console.print(_ignored(plan))
    for note in plan.all_notes:
        console.print(f"[yellow]![/] {escape(note)}")
    console.print(_gaps(plan))
    if plan.requests or plan.at_most:
        console.print(_requests(plan))
    if plan.download_bytes:
        console.print(f"Downloads {plan.download_bytes / 1e6:,.1f} MB.")
    if plan.unfetched_bytes:
        console.print("What is in archives that are fetched whole is planned when they are here.")
        return
    reads = f"Reads {plan.text_bytes / 1e6:,.1f} MB of text" if plan.to_ingest else "Reads no archive"
    if not plan.to_ingest and not plan.requests:
        console.print("Nothing new to read.")
        return
    console.print(
        f"{reads}, needs about {plan.disk_bytes / 1e6:,.1f} MB of disk and {duration(max(1, plan.estimated_seconds))}."
    )


def _archives(plan: IngestionPlan) -> Table:
    table = new_table("Archives, newest first")
    for name in ("archive", "states"):
        table.add_column(name, overflow="fold")
    for name in ("ingest", "skip", "not asked for", "ignored"):
        table.add_column(name, justify="right")
    actions = Counter((planned.archive, planned.action) for planned in plan.files)
    for index, archive in enumerate(plan.archives):
        read, skipped = actions[index, Action.INGEST], actions[index, Action.SKIP]
        start, end = archive.statement
        states = " to ".join("?" if at is None else instant(at)[:10] for at in (start, end)) if end else "nothing"
        others = len(archive.files) - read - skipped
        ignored = sum(left_out.count for left_out in archive.ignored.values())
        table.add_row(
            escape(Path(archive.path).name), states, f"{read:,}", f"{skipped:,}", f"{others:,}", f"{ignored:,}"
        )
    return table


def _ignored(plan: IngestionPlan) -> Table:
    table = new_table("Ignored files")
    for name in ("archive", "reason"):
        table.add_column(name, overflow="fold")
    table.add_column("files", justify="right")
    table.add_column("such as", overflow="fold")
    for path, reason, left_out in plan.ignored:
        table.add_row(
            escape(Path(path).name), escape(reason), f"{left_out.count:,}", escape(", ".join(left_out.examples))
        )
    return table


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
            f"the exchange could fill {len(left):,} that it is not asked for ({sum(g.candles for g in left):,} slots)"
        )
    known = "; ".join(parts) if parts else "none foreseen"
    unread = f" ({plan.unread:,} series tell only when they are read)" if plan.unread else ""
    return f"Gaps: {known}{unread}."


def _route(route: Route, gaps: int, slots: int) -> str:
    if route is Route.NONE:
        return f"no open route fills {gaps:,} ({slots:,} slots)"
    return f"{route.value} fills {gaps:,}, whole or in part (of {slots:,} slots)"


def _requests(plan: IngestionPlan) -> str:
    by_request = [f"{plan.listings:,} for first trades"] if plan.listings else []
    if answers := sum(len(repair.ohlc) for repair in plan.repairs.repairs):
        by_request.append(f"{answers:,} for candles")
    if pages := plan.repairs.requests - answers:
        by_request.append(f"about {pages:,} for trades")
    most = plan.at_most if plan.limit is None else plan.limit
    bounds = f"{plan.requests:,} to {most:,}" if most > plan.requests else f"{plan.requests:,}"
    detail = f": {', '.join(by_request)}" if by_request else ""
    surprise = "; should more be needed, it pauses and says so" if plan.limit != plan.request.max_requests else ""
    return f"Asks the exchange {bounds} times{detail}{surprise}."
