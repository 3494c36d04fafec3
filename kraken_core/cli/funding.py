"""``kraken-history funding-rates``: what perpetuals pay, stored, and which hours of it are missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from kraken_core.cli import completion
from kraken_core.cli.options import CliContext, Words, common
from kraken_core.cli.output import echo, print_json, print_table
from kraken_core.domain.errors import UsageError
from kraken_core.domain.plural import counted

_NAMED = 3  # ranges of missing hours, or skipped rates, that a message names


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
        named = map(str, workbench.select(pairs=pairs).pairs)
    unknown = [pair for pair in named if pair not in {row["pair"] for row in rows}]
    if rows or not unknown:
        _show(ctx, rows, update=update)
    if unknown:
        raise UsageError(f"no funding rates of {', '.join(unknown)} are stored: request them with --update.")
    return 1 if any(row.get("problem") for row in rows) else 0


def _show(ctx: CliContext, rows: Sequence[dict[str, Any]], *, update: bool) -> None:
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
                ctx.say(f"{row['pair']} has no rate of {_some(_ranges(row['gaps']), 'more ranges')}.")
    for row in rows:
        if skipped := row.get("skipped"):
            ctx.say(f"! {row['pair']}: skipped {counted(len(skipped), 'rate')}: {_some(skipped, 'more')}.")
    for problem in problems:
        ctx.say(f"! {problem}")


def _ranges(gaps: Sequence[dict[str, str]]) -> list[str]:
    return [f"{gap['start']} to {gap['end']}" for gap in gaps]


def _some(texts: Sequence[str], more: str) -> str:
    return ", ".join(texts[:_NAMED]) + (f" and {len(texts) - _NAMED:,} {more}" if len(texts) > _NAMED else "")


def _cell(name: str, value: object) -> object:
    return datetime.fromisoformat(str(value)) if name in {"start", "end"} and value else value
