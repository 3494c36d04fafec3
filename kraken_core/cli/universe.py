"""``kraken-history universe``: which pairs traded at a date, and what became of them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import click

from kraken_core.cli.options import CliContext, Words, common
from kraken_core.cli.output import echo, print_json, print_table

NAMED = 5  # pairs that a message names
COLUMNS = ("pair", "tier", "evidence", "listed", "listed_by", "delisted", "delisted_by", "status", "became")
TIMES = ("listed", "delisted")


@click.command(epilog="\b\nExample:\n  kraken-history universe --at 2024-01-01 --quotes USD")
@click.option("--at", "at", metavar="DATE", required=True, help="The UTC day, at its beginning, or a time.")
@click.option("--tier", metavar="T", help="Only pairs of a tier.")
@click.option("--quotes", type=Words(), default=(), help="Only pairs quoted in these.")
@common
def universe(ctx: CliContext, *, at: str, **selection: Any) -> None:  # noqa: ANN401 - the options above
    """The pairs that traded at a date, delisted ones included, by what evidence, and what became of them."""
    with ctx.workbench() as workbench:
        found = workbench.universe_document(at, **selection)
        if ctx.as_json:
            print_json(found)
            return
        rows = found["pairs"]
        if rows:
            print_table(COLUMNS, ([_cell(name, row) for name in COLUMNS] for row in rows), folding="became")
            became = Counter("still listed" if row["became"] not in _ENDS else row["became"] for row in rows)
            ctx.say(f"{len(rows):,} pairs traded then: {', '.join(f'{n:,} {what}' for what, n in became.items())}.")
        else:
            echo("No pair is known to have traded then.")
        if unknown := found["unknown"]:
            named = ", ".join(unknown[:NAMED]) + (", …" if len(unknown) > NAMED else "")
            ctx.say(
                f"Of {len(unknown):,} more it is not known whether they did ({named}): their listing is only assumed, "
                "from the first candle stored or the first list of pairs seen."
            )


_ENDS = ("renamed", "delisted", "unknown")


def _cell(name: str, row: dict[str, Any]) -> object:
    if name in TIMES and row[name]:
        return datetime.fromisoformat(row[name])
    return f"renamed {row['now']}" if name == "became" and row["became"] == "renamed" else row[name]
