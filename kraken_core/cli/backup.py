"""``kraken-history backup`` and ``restore``: a home saved whole, and brought back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kraken_core.cli.options import CliContext, common
from kraken_core.cli.output import echo, print_json, progress

if TYPE_CHECKING:
    from kraken_core.workbench.health.backup_folder import Backup

DIRECTORY = click.Path(file_okay=False, path_type=Path)


@click.command(epilog="\b\nExample:\n  kraken-history backup /backup/kraken")
@click.argument("directory", type=DIRECTORY)
@common
def backup(ctx: CliContext, *, directory: Path) -> int:
    """Save ledger, candles, settings and logs in DIRECTORY.

    Jobs may run meanwhile. The same command again copies only what is new. Archives are not in it: keep them.
    """
    from kraken_core.workbench.health.backup import backup as save

    with progress(ctx) as report:
        saved = save(ctx.home, directory, report)
    if not ctx.as_json:
        echo(f"Saved version {saved.version:,} of the candle table ({_counted(saved)}) and the ledger in {directory}.")
    if saved.ledger_is_older:
        ctx.say(
            "A job committed candles all the while, so the ledger is of a moment before: once restored, "
            "kraken-history doctor --repair counts the rest."
        )
    return _end(ctx, saved, "are missing or damaged, and were not saved: see kraken-history doctor --repair")


@click.command(epilog="\b\nExample:\n  kraken-history restore /backup/kraken --home /srv/kraken")
@click.argument("directory", type=DIRECTORY)
@common
def restore(ctx: CliContext, *, directory: Path) -> int:
    """Make a home of the backup in DIRECTORY.

    The home must not exist, or be empty. It comes into being when all of it is there; interrupted, the same command
    continues.
    """
    from kraken_core.workbench.health.backup import restore as bring_back

    with progress(ctx) as report:
        saved = bring_back(directory, ctx.home, report)
    if not ctx.as_json:
        echo(f"Restored the home of {saved.saved_at} in {saved.folder}: {_counted(saved)}.")
    advice = "kraken-history doctor --repair" if saved.ledger_is_older or saved.damaged else "kraken-history doctor"
    ctx.say(f"Next: {advice} --home {saved.folder}")
    return _end(ctx, saved, "are missing or damaged in the backup: doctor --repair reads their archives again")


def _counted(saved: Backup) -> str:
    from kraken_core.domain.formatting import byte_size
    from kraken_core.domain.plural import counted

    return f"{counted(saved.files, 'file')}, {byte_size(saved.bytes)}, {saved.copied:,} copied now"


def _end(ctx: CliContext, saved: Backup, what: str) -> int:
    from kraken_core.domain.plural import counted

    if ctx.as_json:
        print_json(asdict(saved))
    if saved.damaged:
        ctx.say(f"{counted(len(saved.damaged), 'file')} of candles, such as {saved.damaged[0]}, {what}.")
    return 1 if saved.damaged else 0
