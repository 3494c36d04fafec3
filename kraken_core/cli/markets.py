"""``kraken-history pairs``, ``tiers`` and ``exchanges``: which there are, and what is stored of each."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import click

from kraken_core.cli.options import CliContext, Words, common
from kraken_core.cli.output import echo, print_json, print_table
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import INTERVALS


@click.command(epilog="\b\nExample:\n  kraken-history pairs --tier TIER1 --quotes USD")
@click.option("--tier", metavar="T", help="Only pairs of a tier.")
@click.option("--quotes", type=Words(), default=(), help="Only pairs quoted in these.")
@common
def pairs(ctx: CliContext, **selection: Any) -> None:  # noqa: ANN401 - the options above
    """List pairs with tier, lifetime and stored candles."""
    with ctx.workbench() as workbench:
        rows = workbench.stored_pairs(**selection)
        if ctx.as_json:
            print_json(rows)
        elif rows:
            columns = ("pair", "tier", "listed", "delisted", "intervals", "candles")
            print_table(columns, ([_cell(name, row[name]) for name in columns] for row in rows), folding="intervals")
        else:
            echo("No pairs yet: pairs are added as archives are ingested.")


@click.command(epilog="\b\nExample:\n  kraken-history tiers")
@common
def tiers(ctx: CliContext) -> None:
    """List the tiers with their assets and stored candles."""
    with ctx.workbench() as workbench:
        pairs_stored: Counter[str | None] = Counter()
        candles: Counter[str | None] = Counter()
        for record in workbench.pairs():
            pairs_stored[record.tier] += 1
        for covered in workbench.holdings.coverage(workbench.select()):
            candles[workbench.tiers.of(covered.series.pair.base)] += covered.candles
        known = workbench.tiers
        rows: list[dict[str, Any]] = [
            {
                "tier": name,
                "assets": sorted(base for base, tier in known.by_base.items() if tier == name),
                "pairs_held": pairs_stored[name],
                "candles": candles[name],
            }
            for name in known.names
        ]
        if ctx.as_json:
            print_json(rows)
            return
        rest = "every other crypto asset"
        columns = ("tier", "assets", "stored pairs", "candles")
        print_table(
            columns,
            ((row["tier"], " ".join(row["assets"]) or rest, row["pairs_held"], row["candles"]) for row in rows),
            folding="assets",
        )
        ctx.say(f"Edit them in {workbench.settings.home / 'tiers.toml'}. The tier ALL is every pair.")


@click.command(epilog="\b\nExample:\n  kraken-history exchanges")
@common
def exchanges(ctx: CliContext) -> None:
    """List installed exchanges and how far back they go."""
    with ctx.workbench() as workbench:
        rows = workbench.exchanges()
        if ctx.as_json:
            print_json(rows)
            return
        columns = ("exchange", "title", "url", "intervals", "newest", "stored_pairs")
        print_table(columns, ([_cell(name, row[name]) for name in columns] for row in rows), folding="intervals")
        ctx.say("A pair of another exchange than Kraken spot has its name before it: kraken-futures:PF_XBTUSD.")


def _cell(name: str, value: Any) -> object:  # noqa: ANN401 - any value of the rows above
    if name in {"listed", "delisted"} and value:
        return datetime.fromisoformat(value)
    if name == "newest":
        return "any time" if value is None else f"last {value:,} candles"
    if name == "intervals":
        return "all" if tuple(value) == INTERVALS else ",".join(map(short, value))
    return value
