"""``kraken-history expect``: which series are expected, on which days, and how to change that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli.options import CliContext, common, selected, selecting
from kraken_core.cli.output import echo, print_json, print_table

if TYPE_CHECKING:
    from kraken_core.workbench.expectations import Expectation

LONGEST = 50  # rows on a terminal


@click.command(
    epilog="\b\nExample:\n  kraken-history expect --pairs BTC/CAD\n"
    "  kraken-history expect --pairs BTC/CAD --intervals 1m --drop"
)
@selecting
@click.option("--drop", "change", flag_value="drop", help="No longer expect the selected series.")
@click.option("--limit", "change", flag_value="limit", help="Expect them from --start-date to --end-date only.")
@click.option("--restore", "change", flag_value="restore", help="Undo --drop and --limit: expect what jobs requested.")
@common
def expect(ctx: CliContext, *, change: str | None, **selection: Any) -> None:  # noqa: ANN401 - see selecting
    """Show or change which series and days are expected.

    Jobs make series expected: those they select, on the days they select, with all that is stored. What is not expected
    is neither missing nor backfilled, whatever later jobs select. No candle is changed by it.
    """
    with ctx.workbench() as workbench, selected(workbench, selection) as chosen:
        expectations = workbench.expectations
        if change:
            from kraken_core.domain.plural import counted

            ctx.say(f"Changed what is expected of {counted(getattr(expectations, change)(chosen), 'series')}.")
        rows = [_row(each) for each in expectations.rows(chosen)]
        if ctx.as_json:
            print_json(rows)
        elif not rows:
            echo("No series is expected yet; jobs add the series they select.")
        else:
            columns = ("pair", "interval", "expected", "from", "to", "limit")
            print_table(columns, map(_cells, rows[:LONGEST]))
            if len(rows) > LONGEST:
                ctx.say(f"{len(rows) - LONGEST:,} more: narrow it with --pairs or --intervals, or use --json for all.")


def _row(found: Expectation) -> dict[str, Any]:
    from kraken_core.domain.scope import NEVER
    from kraken_core.domain.timerange import iso

    expected, limit = found.expected, found.limit
    return {
        "pair": str(found.series.pair),
        "interval": found.series.interval,
        "expected": expected is not None,
        "start": iso(expected.start) if expected else None,
        "end": iso(expected.end) if expected else None,
        "limit": None if limit is None else "none" if limit == NEVER else "days",
    }


def _cells(row: dict[str, Any]) -> list[object]:
    from kraken_core.domain.interval_text import short

    limits = {None: "", "none": "not expected", "days": "these days only"}
    days = ((row[name] or "–")[:10] for name in ("start", "end"))
    return [row["pair"], short(row["interval"]), "yes" if row["expected"] else "no", *days, limits[row["limit"]]]
