"""``kraken-history report``: how complete the history is, as a page too, beside an earlier report, and as a gate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli.options import CliContext, Length, at_an_instant, common, graded, selected, selecting
from kraken_core.cli.output import console, echo, print_json, print_table

if TYPE_CHECKING:
    from kraken_core.domain.report import Report
    from kraken_core.domain.report_diff import Change
    from kraken_core.domain.request import Selection
    from kraken_core.workbench import Workbench

LONGEST = 50  # changed series on a terminal


@click.command(
    epilog="\b\nExample:\n  kraken-history report --tier TIER1 --html report.html --fail-under 99.9 --max-age 2d"
)
@selecting
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path), help="Write it as an HTML page too.")
@click.option(
    "--compare",
    metavar="OLD.json",
    type=click.Path(path_type=Path),
    help="Show what changed since an earlier report --json.",
)
@click.option(
    "--fail-under",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    help="Exit 4 if a series is less complete than this.",
)
@click.option("--require-complete", is_flag=True, help="Write and print nothing, and exit 4, if anything is missing.")
@graded
@at_an_instant
@click.option("--max-age", metavar="AGE", type=Length(), help="Exit 4 if a series' data is older than this: 2d, 12h.")
@common
def report(
    ctx: CliContext,
    *,
    html: Path | None,
    compare: Path | None,
    fail_under: float | None,
    require_complete: bool,
    evidence: str | None,
    max_age: int | None,
    as_known_at: str | None,
    **selection: Any,  # noqa: ANN401 - the options of selecting
) -> None:
    """Show how complete every series is, and what to do next.

    With --evidence, exit 4 if a series is not complete on evidence of that grade, or not to --fail-under.
    """
    if evidence and fail_under is None and not require_complete:
        fail_under = 100
    gated = require_complete or fail_under is not None or max_age is not None
    with ctx.workbench() as workbench, selected(workbench, selection, gated=True) as chosen:
        from kraken_core.workbench import documents

        holdings = workbench.holdings_at(as_known_at)
        found = holdings.full_report(chosen)
        changes = _changes(compare, found) if compare else None
        if require_complete:
            _check(workbench, found, chosen, 100, evidence, at=as_known_at)
        if html:
            _write(html, found)
            ctx.say(f"Report written to {html}.")
        if ctx.as_json:
            whole = map(documents.report_row, found.series)
            print_json(list(whole if changes is None else map(documents.change_row, changes)))
        elif changes is not None:
            _print_changes(ctx, changes)
        else:
            _print_report(found, holdings.days_assessed)
        if fail_under is None and (beyond := holdings.not_assessed(chosen, workbench.known(as_known_at).now)):
            ctx.say(beyond)
        _check(workbench, found, chosen, fail_under, evidence, max_age, as_known_at)
        if not gated:
            workbench.holdings.check_known(chosen)


def _check(  # noqa: PLR0917 - what the options say
    workbench: Workbench,
    found: Report,
    chosen: Selection,
    fail_under: float | None,
    evidence: str | None,
    max_age: int | None = None,
    at: str | None = None,
) -> None:
    """Raises IncompleteError where a series is below per cents, on evidence of a grade, or older than minutes."""
    from kraken_core.workbench.queries import gates, required

    if fail_under is not None or max_age is not None:
        gates.check_stored({line.series.pair for line in found.series if line.counts.covered}, chosen.pairs)
    if fail_under is not None:
        holdings = workbench.holdings_at(at)
        gates.check_complete(found, fail_under, required.parse_grade(evidence), holdings.coverage(chosen))
        gates.check_assessed(holdings.not_assessed(chosen, workbench.known(at).now))
    if max_age is not None:
        gates.check_age(workbench.holdings_at(at).ages(chosen, workbench.known(at).now), max_age * 60)


def _print_report(found: Report, days: tuple[str, str] | None) -> None:
    """The report; ``days`` are the first and last that were assessed."""
    from kraken_core.pipeline.report_terminal import display

    if days and not found.series:
        echo(f"No candles are expected in this selection; assessed so far: {days[0]} to {days[1]}.")
    else:
        display(found, console())


def _write(path: Path, found: Report) -> None:
    from kraken_core.domain.file_errors import write_errors
    from kraken_core.pipeline.report_html import page

    with write_errors(path):
        path.write_text(page(found), encoding="utf-8")


def _changes(path: Path, found: Report) -> list[Change]:
    """What changed since the report in a file. Raises UsageError where there is none."""
    from kraken_core.domain.errors import UsageError
    from kraken_core.domain.report_diff import compared, earlier

    try:
        return compared(earlier(json.loads(path.read_text(encoding="utf-8"))), found.series)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"Cannot compare with {path}: {why}. It has to be the saved output of kraken-history report --json."
        ) from error


def _print_changes(ctx: CliContext, changes: Sequence[Change]) -> None:
    from kraken_core.domain.formatting import percent
    from kraken_core.domain.interval_units import short
    from kraken_core.domain.plural import counted

    if not changes:
        echo("Nothing changed.")
        return
    columns = ("pair", "interval", "complete before", "complete now", "expected", "missing")
    print_table(
        columns,
        (
            (
                str(change.series.pair),
                short(change.series.interval),
                *("–" if counts is None else percent(counts.completeness) for counts in (change.before, change.after)),
                f"{change.wanted:+,}",
                f"{change.missing:+,}",
            )
            for change in changes[:LONGEST]
        ),
    )
    if len(changes) > LONGEST:
        ctx.say(f"… and {len(changes) - LONGEST:,} more: use --json for all.")
    ctx.say(
        f"{sum(change.missing for change in changes):+,} missing candles in {counted(len(changes), 'changed series')}."
    )
