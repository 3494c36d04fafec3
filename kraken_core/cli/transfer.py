"""``kraken-history copy`` and ``import-assetprice``: candles from one table to another, and tables of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kraken_core.cli.options import CliContext, common, selected, selecting
from kraken_core.cli.output import print_json, print_table, progress
from kraken_core.domain.interval_units import short


@click.command(epilog="\b\nExample:\n  kraken-history copy --to questdb://localhost:9000 --tier TIER1")
@click.option(
    "--to", "to", metavar="STORE", required=True, help="A folder, s3://bucket/prefix, or questdb://host:9000?pg=8812."
)
@selecting
@common
def copy(ctx: CliContext, *, to: str, **selection: Any) -> None:  # noqa: ANN401 - the options of selecting
    """Copy candles to another store and compare every series.

    The same command again continues an interrupted copy.
    """
    from kraken_core.domain.plural import counted

    with ctx.workbench() as workbench, selected(workbench, selection), progress(ctx) as report:
        copied = workbench.copy(to, progress=report, **selection)
    if ctx.as_json:
        print_json(
            [
                {
                    "pair": str(each.series.pair),
                    "interval": each.series.interval,
                    "candles": each.candles,
                    "written": each.written,
                    "checksum": each.checksum,
                }
                for each in copied
            ]
        )
        return
    print_table(
        ("pair", "interval", "candles", "written", "checksum"),
        ((e.series.pair, short(e.series.interval), e.candles, e.written, e.checksum[:16]) for e in copied),
    )
    candles, written = sum(each.candles for each in copied), sum(each.written for each in copied)
    ctx.say(
        f"{counted(len(copied), 'series')} identical in both: {counted(candles, 'candle')}, {written:,} written now."
    )


@click.command("import-assetprice", epilog="\b\nExample:\n  kraken-history import-assetprice --assets assets.csv")
@click.option(
    "--assets",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A CSV with id and ticker, where the server has no table asset.",
)
@common
def import_assetprice(ctx: CliContext, *, assets: Path | None) -> None:
    """Record the candles of a QuestDB table assetprice.

    They are entered in the ledger and not changed. A candle proves its own slot; its absence proves nothing: ingest
    the archives for the rest.
    """
    from kraken_core.domain.plural import counted

    with ctx.workbench() as workbench, progress(ctx) as report:
        found = workbench.import_assetprice(assets, progress=report)
    if ctx.as_json:
        print_json(found._asdict())
        return
    ctx.say(
        f"{counted(found.series, 'series')} with {counted(found.candles, 'candle')}, "
        f"which prove {counted(found.proven, 'slot')}."
    )
    if found.misplaced:
        ctx.say(f"{counted(found.misplaced, 'candle')} not aligned to a slot of the interval: not used.")
    ctx.say("Slots they do not prove are gaps (kraken-history gaps); ingest the archives to fill them.")
