"""What commands print: JSON or tables on stdout, progress on stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from kraken_core.domain.untrusted import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from kraken_core.cli.options import CliContext
    from kraken_core.ports import ProgressReport

UNBOUNDED = 100_000  # columns: nothing wraps in a file or a pipe
SHORTEST_FOLD = 15  # columns that a folding cell needs to stay legible
_CONTROLS_OF_JSON = re.compile("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # json escapes the others itself
LINES_EVERY = 10  # per cent of a stage, where progress is told in plain lines


def print_json(document: Any) -> None:  # noqa: ANN401 - any JSON value
    """One JSON document on stdout."""
    click.echo(_CONTROLS_OF_JSON.sub(_escaped, json.dumps(document, indent=2, ensure_ascii=False)))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"


def echo(message: object, *, err: bool = False) -> None:
    """A line for people, on stdout or stderr: what data holds is never carried out by their terminal."""
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
    """A table on stdout; numbers with separators, to the right. Text from data is never markup.

    Where the terminal is narrow, the column ``folding`` goes over several lines, as long as that is enough.
    """
    from rich.cells import cell_len
    from rich.markup import escape

    from kraken_core.pipeline.report_terminal import new_table

    out = console()
    body = [list(row) for row in rows]
    shown = [list(columns), *([_shown(value) for value in row] for row in body)]
    widths = [2 + max(map(cell_len, cells)) for cells in zip(*shown, strict=True)]
    others = sum(width for width, name in zip(widths, columns, strict=True) if name != folding)
    enough = folding is not None and others + SHORTEST_FOLD <= out.width
    table = new_table()
    for index, name in enumerate(columns):
        numeric = all(isinstance(row[index], int | float | Decimal) for row in body)
        table.add_column(
            escape(name),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=enough and name != folding,
        )
    for cells in shown[1:]:
        table.add_row(*map(escape, cells))
    out.print(table)


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
    """Tells how far a job is: bars on a terminal, plain lines elsewhere, nothing with --quiet."""
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
        if last_step.get(now.stage) != step:
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
    from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
    from rich.table import Column

    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.fields[detail]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
    )
    with Progress(*columns, console=console(stderr=True), expand=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(now: ProgressReport) -> None:
            if now.stage not in tasks:
                tasks[now.stage] = bars.add_task(now.stage, total=now.total or 1, detail="")
            done = now.done if now.total else 1
            bars.update(tasks[now.stage], completed=done, total=now.total or 1, detail=_detail(now))

        yield report
