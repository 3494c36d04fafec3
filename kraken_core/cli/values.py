"""``kraken-history price-findings``, ``incidents`` and ``conditions``: how sound the stored values are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli.options import CliContext, common, selected, selecting
from kraken_core.cli.output import echo, print_json, print_table

if TYPE_CHECKING:
    import polars as pl

LONGEST = 50  # rows on a terminal
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@click.command("price-findings", epilog="\b\nExample:\n  kraken-history price-findings --pairs BTC/USD --intervals 1h")
@selecting
@common
def price_findings(ctx: CliContext, **selection: Any) -> None:  # noqa: ANN401 - see selecting
    """Which stored prices and volumes are odd.

    Outliers, contradicted quotes, extremes that no finer candle has, volumes out of proportion, stuck prices, decimal
    shifts and redenominations. It reads the candles of the selection; kraken-history verify counts the same.
    """
    with ctx.workbench() as workbench, selected(workbench, selection) as chosen:
        from kraken_core.workbench.queries.prices import price_finding_frame

        found = price_finding_frame(workbench.odd_values(chosen))
        _show(ctx, found, "Nothing is odd about the values of the selection.")


@click.command(
    epilog="\b\nExample:\n  kraken-history incidents\n  kraken-history incidents --status-file incidents.json"
)
@click.option(
    "--status-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Add those of Kraken's public status page: its incidents.json.",
)
@common
def incidents(ctx: CliContext, *, status_file: Path | None) -> None:
    """When the whole exchange stood still.

    For each span: how many of the pairs stored at that time had no trades.
    """
    with ctx.workbench() as workbench:
        from kraken_core.workbench.queries.incidents import incident_frame

        found = incident_frame(workbench.exchange_incidents(status_file))
    _show(ctx, found, "No incident of the exchange is in the time that is stored.")


@click.command(epilog="\b\nExample:\n  kraken-history conditions --pairs BTC/USD --intervals 1h")
@selecting
@common
def conditions(ctx: CliContext, **selection: Any) -> None:  # noqa: ANN401 - see selecting
    """Whether each day of each series is complete.

    A day is available, degraded, missing or pending, as of the last detection.
    """
    with ctx.workbench() as workbench, selected(workbench, selection) as chosen:
        from kraken_core.workbench.queries import incidents as queries

        found = queries.condition_frame(workbench.day_conditions(chosen))
        _show(ctx, found, "Nothing of the selection was ever expected.")


def _show(ctx: CliContext, found: pl.DataFrame, nothing: str) -> None:
    """The rows as JSON, or as a table of the first of them; a line where there are none."""
    rows = _iso(found).to_dicts()
    if ctx.as_json:
        print_json(rows)
    elif not rows:
        echo(nothing)
    else:
        print_table(found.columns, [list(map(_cell, row.keys(), row.values())) for row in rows[:LONGEST]])
        if len(rows) > LONGEST:
            ctx.say(f"{len(rows) - LONGEST:,} more: --json prints all of them.")


def _iso(found: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    from kraken_core.domain.candles import TIME

    return found.with_columns(pl.col(TIME).dt.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _cell(name: str, value: Any) -> object:  # noqa: ANN401 - whatever a row has
    from kraken_core.domain.interval_units import short

    if name == "interval":
        return short(value)
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return value[:10] if name == "day" else value[:16].replace("T", " ")
    return f"{value:.8g}" if isinstance(value, float) else value
