"""``kraken-history simulate``: a small market with known holes, as archives, and as a local exchange."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kraken_core.cli.options import CliContext, common
from kraken_core.cli.output import print_json

if TYPE_CHECKING:
    from kraken_core.simulator.demo import Simulation
    from kraken_core.simulator.exchange import SimulatedExchange


@click.command(
    epilog="\b\nExample:\n  kraken-history simulate market && kraken-history ingest --csv-source-dir market --tier ALL"
)
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(min=0),
    default=7,
    show_default=True,
    help="Another seed, another market.",
)
@click.option(
    "--serve",
    "port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="Then serve the market as Kraken's REST API on 127.0.0.1, until Ctrl-C; 0 picks a free port.",
)
@common
def simulate(ctx: CliContext, directory: Path, seed: int, port: int | None) -> None:
    """Write a simulated market's archives to DIRECTORY.

    What is missing from them is printed.
    """
    from kraken_core.domain.errors import UsageError
    from kraken_core.simulator.demo import simulate as write

    try:
        simulation = write(directory, seed)
    except OSError as error:
        raise UsageError(f"{directory} cannot be written: {error.strerror}. Choose another folder.") from error
    if port is None:
        _print(ctx, simulation)
    else:
        _serve(ctx, simulation, port)


def _print(ctx: CliContext, simulation: Simulation, url: str | None = None) -> None:
    if ctx.as_json:
        served = {"url": url} if url else {}
        print_json({"paths": [str(path) for path in simulation.paths], "holes": simulation.holes, **served})
        return
    for path in simulation.paths:
        click.echo(f"wrote {path}")
    click.echo("Known to be missing from these archives:")
    for hole in simulation.holes:
        click.echo(f"  - {hole}")
    if url:
        click.echo(f"The exchange answers until Ctrl-C. In another terminal: export KRAKEN_API_URL={url}")


def _serve(ctx: CliContext, simulation: Simulation, port: int) -> None:
    """Answer requests until Ctrl-C or SIGTERM, which is its regular end."""
    from kraken_core.domain.plural import counted

    ended = threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _opened(simulation, port) as exchange:
            _print(ctx, simulation, exchange.url)
            ended.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    ctx.say(f"Exchange stopped after {counted(len(exchange.requests), 'request')}.")


def _opened(simulation: Simulation, port: int) -> SimulatedExchange:
    from kraken_core.domain.errors import UsageError
    from kraken_core.simulator.exchange import SimulatedExchange

    try:
        return SimulatedExchange(simulation.market, port=port)
    except UsageError as error:
        raise UsageError(f"{error} The archives are written.") from error
