"""The report on a terminal: what is complete, what is not, what to do."""

from __future__ import annotations

from itertools import islice

from rich.console import Console
from rich.markup import escape

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.completeness_text import active, by_grade, grade
from kraken_core.domain.formatting import instant, percent
from kraken_core.domain.grades import Grade
from kraken_core.domain.interval_units import short
from kraken_core.domain.report import Report
from kraken_core.pipeline.terminal_table import Column, print_rows

WORST = 10  # lines
DIFFERENCES = 5  # pairs of sources
COUNTS = tuple(
    Column(name, numeric=True)
    for name in ("interval", "expected", "present", "no trades", "missing", "complete", "active")
)
GRADES = (COUNTS[0], *(Column(grade, numeric=True) for grade in Grade))
_COLOURS = {"good": "green", "fair": "yellow", "bad": "red"}


_NOTHING_YET = "[yellow]Nothing is stored yet.[/] Start with: kraken-history ingest --csv-source-dir PATH --tier ALL"
_NOT_ON_THESE_DAYS = "[yellow]No candles are expected on these days.[/] kraken-history coverage lists what is stored."


def display(report: Report, console: Console) -> None:
    """Print the report."""
    if not report.series:
        console.print(_NOT_ON_THESE_DAYS if report.as_of else _NOTHING_YET)
        return
    answer, _, why = report.answer.text.partition(" ")
    colour = "green" if report.answer.is_yes else "red"
    console.print(f"[bold]Is my data complete?[/] [bold {colour}]{answer}[/] {escape(why)}")
    console.print(f"[dim]As of {instant(report.as_of)} UTC[/]")
    _print_intervals(report, console)
    if worst := report.worst:
        _print_worst(report, console)
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
        console.print(f"[dim]… and {more:,} more pairs of sources: see the SQL view differences[/]")
    for action in report.actions:
        console.print(f"[bold]→[/] {escape(action)}")


def _print_intervals(report: Report, console: Console) -> None:
    rows = [(short(interval), *_figures(counts)) for interval, counts in report.by_interval.items()]
    print_rows(console, COUNTS, rows, title="By interval, least complete first")
    grades = [(short(interval), *by_grade(counts).values()) for interval, counts in report.by_interval.items()]
    print_rows(console, GRADES, grades, title="Evidence, of what is covered")


def _print_worst(report: Report, console: Console) -> None:
    rows = [
        (escape(str(line.series.pair)), short(line.series.interval), *_figures(line.counts))
        for line in report.worst[:WORST]
    ]
    print_rows(console, (Column("pair"), *COUNTS), rows, title="Least complete series")


def _figures(counts: Completeness) -> tuple[str, ...]:
    missing = f"[red]{counts.missing:,}[/]" if counts.missing else "0"
    return (
        f"{counts.wanted:,}",
        f"{counts.present:,}",
        f"{counts.silent:,}",
        missing,
        _coloured(counts),
        active(counts),
    )


def _coloured(counts: Completeness) -> str:
    return f"[{_COLOURS[grade(counts)]}]{percent(counts.completeness)}[/]"
