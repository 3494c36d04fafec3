"""The report on a terminal: what is complete, what is not, what to do."""

from __future__ import annotations

from itertools import islice

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kraken_core.domain.formatting import evidence, grade, instant, percent
from kraken_core.domain.report import Completeness, Report

WORST = 10  # lines; a list nobody reads helps nobody
DIFFERENCES = 5  # pairs of sources
_COLOURS = {"good": "green", "fair": "yellow", "bad": "red"}


def new_table(title: str = "") -> Table:
    """An empty table in the one style of all: no lines between columns, so that it fits where it can."""
    return Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )


def display(report: Report, console: Console) -> None:
    """Print the report."""
    if not report.series:
        console.print("[yellow]Nothing is stored yet.[/] Start with: kraken-history ingest --source PATH --tier ALL")
        return
    overall = report.overall
    console.print(
        f"[bold]Completeness[/] {_coloured(overall)} of {overall.wanted:,} wanted slots, "
        f"{len(report.series):,} series, as of {instant(report.as_of)} UTC"
    )
    console.print(f"[bold]Evidence[/] {evidence(overall)}")
    console.print(_by_interval(report))
    if worst := report.worst:
        console.print(_worst(report))
        if len(worst) > WORST:
            console.print(f"[dim]… and {len(worst) - WORST:,} more: kraken-history report --json lists every series[/]")
    nothing = report.nothing_stored
    for name, reason in islice(nothing.items(), WORST):
        console.print(f"[red]✗[/] Nothing is stored of {escape(name)}: {escape(reason)}")
    if len(nothing) > WORST:
        console.print(f"[dim]… nor of {len(nothing) - WORST:,} more[/]")
    for each in report.differences[:DIFFERENCES]:
        console.print(f"[yellow]![/] {escape(each.description)}")
    if len(report.differences) > DIFFERENCES:
        more = len(report.differences) - DIFFERENCES
        console.print(f"[dim]… and {more:,} more pairs of sources; the SQL view differences has all[/]")
    for action in report.actions:
        console.print(f"[bold]→[/] {escape(action)}")
    if not worst:
        console.print("[green]Nothing is missing.[/]")


def _by_interval(report: Report) -> Table:
    table = new_table("By interval")
    for name in ("interval", "wanted", "present", "silent", "missing", "complete", "active"):
        table.add_column(name, justify="right")
    for interval, counts in report.by_interval.items():
        table.add_row(f"{interval} m", *_figures(counts))
    table.add_section()
    table.add_row("all", *_figures(report.overall), style="bold")
    return table


def _worst(report: Report) -> Table:
    table = new_table("Least complete series")
    table.add_column("pair")
    for name in ("interval", "wanted", "present", "silent", "missing", "complete", "active"):
        table.add_column(name, justify="right")
    for line in report.worst[:WORST]:
        table.add_row(escape(str(line.series.pair)), f"{line.series.interval} m", *_figures(line.counts))
    return table


def _figures(counts: Completeness) -> tuple[str, ...]:
    missing = f"[red]{counts.missing:,}[/]" if counts.missing else "0"
    return (
        f"{counts.wanted:,}",
        f"{counts.present:,}",
        f"{counts.silent:,}",
        missing,
        _coloured(counts),
        percent(counts.activity),
    )


def _coloured(counts: Completeness) -> str:
    return f"[{_COLOURS[grade(counts)]}]{percent(counts.completeness)}[/]"
