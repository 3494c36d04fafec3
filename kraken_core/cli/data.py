"""``kraken sql`` and ``export``: candles for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli.options import Common, common, selecting
from kraken_core.cli.output import print_json, print_table

if TYPE_CHECKING:
    import polars as pl

LONGEST = 200  # rows on a terminal


@click.command(epilog='\b\nExample:\n  kraken sql "select pair, count(*) as candles from candles group by 1"')
@click.argument("query")
@common
def sql(told: Common, query: str) -> None:
    """Answer a QUERY (DuckDB) over the views candles, assets, pairs, jobs, files, coverage and gaps."""
    with told.workbench() as workbench:
        found = workbench.query(query)
        if told.as_json:
            print_json(_plain(found))
            return
        print_table(found.columns, found.head(LONGEST).iter_rows())
        if found.height > LONGEST:
            told.say(
                f"… and {found.height - LONGEST:,} rows more: add a LIMIT, or use --json or kraken export for all."
            )


@click.command(epilog="\b\nExample:\n  kraken export --pairs BTC/USD --intervals 60 --to out --format csv")
@selecting
@click.option(
    "--to", "folder", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Where the files go."
)
@click.option(
    "--format", "kind", type=click.Choice(["csv", "parquet", "feather"]), default="parquet", show_default=True
)
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@common
def export(told: Common, folder: Path, kind: str, overwrite: bool, **selection: Any) -> None:  # noqa: ANN401 - see selecting
    """Write candles to one file a series: csv as Kraken's own (XBTUSD_60.csv), parquet or feather."""
    with told.workbench() as workbench:
        written = workbench.export(folder, workbench.select(**selection), kind=kind, overwrite=overwrite)
        rows = [{"path": str(path), "candles": candles} for path, candles in written.items()]
        if told.as_json:
            print_json(rows)
        elif rows:
            told.say(f"{len(rows):,} files, {sum(written.values()):,} candles in {folder}.")
        else:
            told.say("Nothing is held of that: see kraken coverage.")


def _plain(found: pl.DataFrame) -> Any:  # noqa: ANN401 - JSON
    """The rows as JSON values, times as everywhere: ISO 8601, UTC."""
    import json

    from polars import selectors

    times = selectors.datetime(time_zone="*").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    return json.loads(found.with_columns(times).write_json())
