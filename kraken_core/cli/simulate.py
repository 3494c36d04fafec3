"""``kraken simulate``: a small market with known holes, as archives."""

from __future__ import annotations

from pathlib import Path

import click

from kraken_core.cli.options import Common, common
from kraken_core.cli.output import print_json


@click.command(epilog="\b\nExample:\n  kraken simulate market && kraken ingest --csv-source-dir market --tier ALL")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True, help="Another seed, another market.")
@common
def simulate(told: Common, directory: Path, seed: int) -> None:
    """Write a simulated market's archives to DIRECTORY, and say what they lack."""
    from kraken_core.simulator.demo import simulate as write

    simulation = write(directory, seed)
    if told.as_json:
        print_json({"paths": [str(path) for path in simulation.paths], "holes": simulation.holes})
        return
    for path in simulation.paths:
        click.echo(f"wrote {path}")
    click.echo("What these archives are known to lack:")
    for hole in simulation.holes:
        click.echo(f"  - {hole}")
