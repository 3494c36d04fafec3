"""``kraken-history funding-rates``: what perpetuals pay, stored, and which hours of it are missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from kraken_core.cli import completion
from kraken_core.cli.options import CliContext, Words, common
from kraken_core.cli.output import echo, print_json, print_table

_NAMED = 3  # ranges of missing hours that a message names


@click.command(
    "funding-rates",
    epilog="\b\nExample:\n  kraken-history funding-rates --pairs kraken-futures:PF_XBTUSD --update",
)
@click.option(
    "--pairs",
    type=Words(),
    default=(),
    shell_complete=completion.pairs,
    help="Perpetuals, such as kraken-futures:PF_XBTUSD (default: all that are stored).",
)
@click.option("--update", is_flag=True, help="Request what the exchange still answers, and store it, first.")
@common
def funding_rates(ctx: CliContext, *, pairs: Sequence[str], update: bool) -> int:
    """List the stored funding rates of perpetuals.

    By contract, with the hours between the first and the last rate that have none. Exit 1 where rates were to be
    requested, and did not come.
    """
    with ctx.workbench() as workbench:
        rows = workbench.update_funding_rates(pairs) if update else workbench.funding_coverage(pairs)
    problems = [row["problem"] for row in rows if row.get("problem")]
    if ctx.as_json:
        print_json(rows)
    elif not rows:
        echo("No funding rates are stored: request them with --update.")
    else:
        columns = ("pair", "start", "end", "rates", "missing", *(("new", "changed") if update else ()))
        print_table(columns, ([_cell(name, row[name]) for name in columns] for row in rows))
        for row in rows:
            if row["gaps"]:
                ctx.say(f"{row['pair']} has no rate of {_ranges(row['gaps'])}.")
    for problem in problems:
        ctx.say(f"! {problem}")
    return 1 if problems else 0


def _ranges(gaps: Sequence[dict[str, str]]) -> str:
    named = ", ".join(f"{gap['start']} to {gap['end']}" for gap in gaps[:_NAMED])
    return named + (f" and {len(gaps) - _NAMED:,} more ranges" if len(gaps) > _NAMED else "")


def _cell(name: str, value: object) -> object:
    return datetime.fromisoformat(str(value)) if name in {"start", "end"} and value else value
