"""The commands of the former process, for scripts that still use them: each prints what to use instead."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kraken_core.cli.backfill import backfill
from kraken_core.cli.history import show_gaps
from kraken_core.cli.ingest import ingest
from kraken_core.cli.options import CliContext, common

if TYPE_CHECKING:
    from kraken_core.domain.gaps import GapRecord
    from kraken_core.workbench import Workbench


@click.command(epilog="\b\nExample:\n  kraken-history ingest-sequential --tier TIER1 --data-dir archives --yes")
@click.option("--tier", metavar="T", default="ALL", help="One tier; all by default.")
@click.option("--intervals", metavar="N,N", help="Minutes (default all).")
@click.option("--data-dir", metavar="PATH", help="Where the archives are (default: csv_source_dirs of the settings).")
@click.option("--stop-on-error", is_flag=True, help="Stop at the first bad file.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@common
def ingest_sequential(
    ctx: CliContext, *, tier: str, intervals: str | None, data_dir: str | None, stop_on_error: bool, yes: bool
) -> int:
    """Deprecated: use kraken-history ingest."""
    words = ["--tier", tier, "--no-api-backfill"]
    for option, value in (("--intervals", intervals), ("--csv-source-dir", data_dir)):
        words += [option, value] if value else []
    words += [word for word, given in (("--stop-on-error", stop_on_error), ("--yes", yes)) if given]
    return _today(ctx, "ingest-sequential", ingest, words)


@click.command(epilog="\b\nExample:\n  kraken-history backfill-gaps --tier TIER1 --interval 60 --dry-run")
@click.option("--tier", metavar="T", help="One tier.")
@click.option("--asset", metavar="A", help="All stored pairs of one asset, such as BTC.")
@click.option("--interval", metavar="N", help="Minutes (default all).")
@click.option("--from-last", is_flag=True, help="From each series' last covered slot to now.")
@click.option("--show-unfillable-only", is_flag=True, help="List gaps that cannot be filled; fill nothing.")
@click.option("--export-unfillable", metavar="FILE", help="Write gaps that cannot be filled to a CSV; fill nothing.")
@click.option("--dry-run", is_flag=True, help="Show the plan; write nothing anywhere.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@common
def backfill_gaps(
    ctx: CliContext,
    *,
    tier: str | None,
    asset: str | None,
    interval: str | None,
    from_last: bool,
    show_unfillable_only: bool,
    export_unfillable: str | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Deprecated: use backfill, gaps or ingest --incremental."""
    with ctx.workbench() as workbench:
        pairs = _pairs_of(workbench, asset, tier) if asset else ""
        tier = None if pairs else tier
        chosen = {"--tier": tier, "--pairs": pairs, "--intervals": interval}
        words = [word for option, value in chosen.items() if value for word in (option, value)]
        if show_unfillable_only or export_unfillable:
            _deprecated(ctx, "backfill-gaps", ["gaps", *words])
            _list_unfillable(ctx, workbench, _unfillable(workbench, tier, pairs, interval), export_unfillable)
            return 0
    words += [word for word, given in (("--dry-run", dry_run), ("--yes", yes)) if given]
    if from_last:
        return _today(
            ctx,
            "backfill-gaps",
            ingest,
            [*words, "--incremental", *([] if chosen["--tier"] or pairs else ["--tier", "ALL"])],
        )
    return _today(ctx, "backfill-gaps", backfill, words)


def _today(ctx: CliContext, old: str, command: click.Command, words: list[str]) -> int:
    """Print what to use instead, and do it."""
    _deprecated(ctx, old, [str(command.name), *words])
    output = {"--json": ctx.as_json, "--quiet": ctx.quiet, "--verbose": ctx.verbose}
    words = [*words, *(["--home", ctx.home] if ctx.home else []), *(word for word, given in output.items() if given)]
    result: int | None = command.main(words, prog_name=f"kraken-history {command.name}", standalone_mode=False)
    return result or 0


def _deprecated(ctx: CliContext, old: str, words: list[str]) -> None:
    ctx.say(f"kraken-history {old} is deprecated; use: kraken-history {shlex.join(words)}")


def _pairs_of(workbench: Workbench, asset: str, tier: str | None) -> str:
    """The stored pairs of an asset, of those in the tier, as an option takes them. Raises UsageError without any."""
    from kraken_core.domain.errors import UsageError
    from kraken_core.domain.market import Pair

    base = Pair.parse(f"{asset}/USD").base
    tiers = workbench.tiers.check([tier or "ALL"])
    stored = [record.pair for record in workbench.pairs() if record.pair.base == base]
    pairs = [str(pair) for pair in stored if workbench.tiers.holds(tiers, pair)]
    if not pairs:
        where = f" in {tiers[0]}" if stored else ""
        raise UsageError(f"no pair of {asset} is stored{where}; list the stored ones with: kraken-history pairs")
    return ",".join(pairs)


def _unfillable(workbench: Workbench, tier: str | None, pairs: str, interval: str | None) -> list[GapRecord]:
    from kraken_core.domain.gaps import Route

    chosen = workbench.select(
        tier=tier,
        pairs=tuple(pairs.split(",")) if pairs else (),
        intervals=tuple(interval.split(",")) if interval else (),
    )
    return [gap for gap in workbench.holdings.gaps(chosen) if gap.route is Route.NONE]


def _list_unfillable(ctx: CliContext, workbench: Workbench, gaps: list[GapRecord], file: str | None) -> None:
    from kraken_core.domain.plural import counted
    from kraken_core.workbench import documents

    if file is None:
        show_gaps(ctx, workbench.holdings, gaps)
        return
    with Path(file).open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, documents.GAPS)
        writer.writeheader()
        writer.writerows(documents.gap_row(gap) for gap in gaps)
    ctx.say(
        f"{counted(len(gaps), 'gap')} that cannot be filled written to {file}, with the archives that contain them."
    )
