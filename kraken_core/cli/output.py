"""What commands print: JSON or tables on stdout, progress on stderr."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli.json_text import indented
from kraken_core.domain.untrusted import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from kraken_core.cli.options import CliContext
    from kraken_core.ports import ProgressReport

UNBOUNDED = 100_000  # columns: nothing wraps in a file or a pipe
STATE_STYLES = {  # of jobs, of doctor's checks, of verification
    **dict.fromkeys(("completed", "ok", "passed"), "green"),
    **dict.fromkeys(("failed", "problem"), "red"),
    **dict.fromkeys(("paused", "warning"), "yellow"),
    **dict.fromkeys(("running", "pending"), "cyan"),
    "cancelled": "dim",
}
_CONTROLS_OF_JSON = re.compile("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # json escapes the others itself
LINES_EVERY = 10  # per cent of a stage, where progress is in plain lines


def print_json(document: Any) -> None:  # noqa: ANN401 - any JSON value
    """One JSON document on stdout."""
    click.echo(_CONTROLS_OF_JSON.sub(_escaped, indented(document)))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"


def echo(message: object, *, err: bool = False) -> None:
    """A line for people, on stdout or stderr: control characters in data never reach their terminal."""
    click.echo(visible(str(message)), err=err)


def console(*, stderr: bool = False) -> Console:
    """A console that colours on a terminal only and honours NO_COLOR; elsewhere lines are as long as they are."""
    from rich.console import Console

    class Visible(Console):
        """Every text that is printed, in tables too, comes through here; styles are added behind it."""

        def render_str(self, text: str, **how: Any) -> Text:  # noqa: ANN401 - rich's own
            return super().render_str(visible(text), **how)

    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Visible(file=stream, highlight=False)
    return Visible(file=stream, highlight=False, soft_wrap=True, width=UNBOUNDED)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, folding: str | None = None) -> None:
    """A table on stdout; numbers with separators, to the right; states coloured. Text from data is never markup.

    Where the terminal is narrow, the column ``folding`` goes over several lines first; see terminal_table.
    """
    from rich.markup import escape

    from kraken_core.pipeline.terminal_table import Column, print_rows

    body = [list(row) for row in rows]
    drawn = [
        Column(escape(name), all(isinstance(row[index], int | float | Decimal) for row in body), name == folding)
        for index, name in enumerate(columns)
    ]
    cells = [[_coloured(name, escape(_shown(value))) for name, value in zip(columns, row, strict=True)] for row in body]
    print_rows(console(), drawn, cells)


def _coloured(column: str, cell: str) -> str:
    """A state in its colour, by its first word; any other cell as it is."""
    style = STATE_STYLES.get(re.split(r"\W", cell, maxsplit=1)[0].lower()) if column == "status" else None
    return f"[{style}]{cell}[/]" if style else cell


def _shown(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.12g}"
        case datetime():
            return value.replace(tzinfo=None).isoformat(" ").removesuffix(":00")
        case _:
            return visible(str(value))


@contextmanager
def progress(ctx: CliContext) -> Iterator[Callable[[ProgressReport], None]]:
    """Shows how far a job is: on a terminal a bar of it all and one of its stage, plain lines elsewhere.

    With --quiet there is nothing.
    """
    if ctx.quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bars() as report:
            yield report
    else:
        yield _lines()


def _lines() -> Callable[[ProgressReport], None]:
    last_step: dict[str, int] = {}

    def report(now: ProgressReport) -> None:
        percent = 100 * now.done // now.total if now.total else 100
        step = percent // LINES_EVERY
        if now.done and last_step.get(now.stage) != step:
            last_step[now.stage] = step
            click.echo(f"{now.stage}: {percent} % {_detail(now)}".rstrip(), err=True)

    return report


def _detail(now: ProgressReport) -> str:
    from kraken_core.domain.formatting import duration

    parts = []
    if now.total > 1:
        parts.append(f"{now.done:,} of {now.total:,}")
    if now.rows:
        parts.append(f"{now.rows:,} rows, {now.rows_per_second:,.0f} rows/s")
    if now.eta_seconds is not None and now.done < now.total:
        parts.append(f"{duration(now.eta_seconds)} left")
    return visible(", ".join([*parts, now.current] if now.current else parts))


@contextmanager
def _bars() -> Iterator[Callable[[ProgressReport], None]]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.table import Column

    from kraken_core.domain.formatting import duration

    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.fields[detail]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
    )
    began, at = time.monotonic(), ""
    with Progress(*columns, console=console(stderr=True), expand=True) as bars:
        job = bars.add_task("job", total=100, visible=False, detail="")
        stage = bars.add_task("", visible=False, detail="")

        def report(now: ProgressReport) -> None:
            nonlocal at
            if now.job_pct is not None:
                bars.update(job, completed=now.job_pct, visible=True, detail=_of_job(now, time.monotonic() - began))
            if now.stage != at:
                at = now.stage
                bars.reset(stage, description=at, visible=True)
            done = now.done if now.total else 1
            bars.update(stage, completed=done, total=now.total or 1, detail=_detail(now))

        try:
            yield report
        finally:
            bars.update(job, detail=f"{duration(time.monotonic() - began)} elapsed")  # nothing is left, or who knows
        if bars.tasks[job].visible:
            bars.update(job, completed=100)
            bars.update(stage, visible=False)


def _of_job(now: ProgressReport, elapsed: float) -> str:
    from kraken_core.domain.formatting import duration

    left = "" if now.job_eta_seconds is None else f", about {duration(now.job_eta_seconds)} left"
    return f"{duration(elapsed)} elapsed{left}"
