"""``kraken-history sql`` and ``export``: candles for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli.options import CliContext, at_an_instant, common, graded, selected, selecting
from kraken_core.cli.output import print_json, print_table

if TYPE_CHECKING:
    import polars as pl

LONGEST = 200  # rows on a terminal


@click.command(epilog='\b\nExample:\n  kraken-history sql "select pair, count(*) as candles from candles group by 1"')
@click.argument("query")
@at_an_instant
@common
def sql(ctx: CliContext, query: str, as_known_at: str | None) -> None:
    """Run an SQL QUERY over candles, jobs, coverage and gaps.

    In DuckDB's SQL, over the views candles, coverage, gaps, differences, silences, price_findings, incidents,
    conditions, trades, trade_coverage, funding_rates, pairs, assets, listings, files, jobs, stages and verifications.
    With --as-known-at there are candles, coverage, open gaps, differences and silences, as known then.
    """
    with ctx.workbench() as workbench:
        found = workbench.sql(query, as_known_at=as_known_at, to="polars")
        if ctx.as_json:
            print_json(_plain(found))
            return
        print_table(found.columns, found.head(LONGEST).iter_rows())
        if found.height > LONGEST:
            from kraken_core.domain.plural import counted

            ctx.say(
                f"… and {counted(found.height - LONGEST, 'more row')}: add a LIMIT, or use --json or "
                "kraken-history export for all."
            )


@click.command(epilog="\b\nExample:\n  kraken-history export --pairs BTC/USD --intervals 1h --to out --format csv")
@selecting
@click.option(
    "--to", "folder", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Where to write the files."
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "parquet", "feather", "nautilus"]),
    default="parquet",
    show_default=True,
)
@click.option(
    "--fill", type=click.Choice(["previous"]), help="Fill slots without trades with the previous close, flagged."
)
@click.option("--require-complete", is_flag=True, help="Write nothing and exit 4 if anything is missing.")
@graded
@at_an_instant
@click.option(
    "--follow-renames", is_flag=True, help="Go on under all names that an asset had, in one unit (parquet only)."
)
@click.option("--vwap", is_flag=True, help="With the average price of each candle that has one (parquet only).")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@common
def export(
    ctx: CliContext,
    *,
    folder: Path,
    kind: str,
    fill: str | None,
    require_complete: bool,
    evidence: str | None,
    as_known_at: str | None,
    follow_renames: bool,
    vwap: bool,
    overwrite: bool,
    **selection: Any,  # noqa: ANN401 - see selecting
) -> None:
    """Write candles to one file per series, for other tools.

    As csv in Kraken's format, feather in freqtrade's, parquet, or a catalog of NautilusTrader, which writes it.
    Slots without a candle are left out; those without trades can be filled, missing ones never are. With --evidence
    nothing is written where a series is not complete on evidence of that grade: exit 4.
    """
    from kraken_core.domain.plural import counted
    from kraken_core.workbench.queries.export import not_replaced

    with ctx.workbench() as workbench, selected(workbench, selection) as chosen:
        written = workbench.export(
            folder,
            chosen,
            kind=kind,
            fill=fill,
            require_complete=require_complete,
            evidence=evidence,
            as_known_at=as_known_at,
            follow_renames=follow_renames,
            vwap=vwap,
            overwrite=overwrite,
        )
        if ctx.as_json:
            print_json([{**file._asdict(), "path": str(file.path)} for file in written])
        old = not_replaced(folder, kind, workbench.holdings.known(chosen), written) if overwrite else []
        if old:
            more = f", and so do {len(old) - 1:,} more" if len(old) > 1 else ""
            ctx.say(
                f"{old[0]} stays as it was{more}: nothing is stored of it in this selection. Take it away, or keep it."
            )
        if not written:
            ctx.say("No candles are stored for this selection: see kraken-history coverage.")
            return
        candles, filled = sum(file.candles for file in written), sum(file.filled for file in written)
        fills = f", {filled:,} of them filled" if fill else ""
        ctx.say(f"{counted(len(written), 'file')} with {counted(candles, 'candle')}{fills} in {folder}.")
        if missing := sum(file.missing for file in written):
            ctx.say(f"{counted(missing, 'candle')} missing in this range; list them with: kraken-history gaps")
        if doubtful := sum(file.doubtful for file in written):
            ctx.say(
                f"{counted(doubtful, 'slot')} doubtful: candles may be missing there, or wrong; list them with: "
                "kraken-history coverage"
            )


def _plain(found: pl.DataFrame) -> Any:  # noqa: ANN401 - JSON
    """The rows as JSON values, times as everywhere: ISO 8601, UTC."""
    import json

    from polars import selectors

    times = selectors.datetime(time_zone="*").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    return json.loads(found.with_columns(times).write_json())
