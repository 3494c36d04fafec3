"""``kraken-history simulate``: a small market with known holes, as archives, and as a local exchange."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kraken_core.cli.options import CliContext, common
from kraken_core.cli.output import print_json

if TYPE_CHECKING:
    from kraken_core.simulator.demo import Simulation
    from kraken_core.simulator.exchange import SimulatedExchange
    from kraken_core.simulator.exchange.stream import SimulatedStream

LAST_DAY_S = 86_400
NOT_SERVED: Mapping[str, str] = {}


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
    type=click.IntRange(0, 65_534),
    metavar="PORT",
    help="Then serve the market, and a few of other exchanges, as their REST APIs on 127.0.0.1, until Ctrl-C, and on "
    "the next port as Kraken's WebSocket; 0 picks free ones.",
)
@click.option(
    "--live",
    is_flag=True,
    help="With --serve: the market's last day is still to come, and passes as time does (default: it is over).",
)
@common
def simulate(ctx: CliContext, directory: Path, *, seed: int, port: int | None, live: bool) -> None:
    """Write a simulated market's archives to DIRECTORY.

    What is missing from them is printed.
    """
    if live and port is None:
        raise click.UsageError("--live needs --serve PORT: nothing is served without it.")
    from kraken_core.domain.file_errors import write_errors
    from kraken_core.simulator.demo import simulate as write

    with write_errors(directory, "Choose another folder."):
        simulation = write(directory, seed)
    if port is None:
        _print(ctx, simulation)
    else:
        _serve(ctx, simulation, port, live=live)


def _print(ctx: CliContext, simulation: Simulation, urls: Mapping[str, str] = NOT_SERVED) -> None:
    if ctx.as_json:
        print_json({"paths": [str(path) for path in simulation.paths], "holes": simulation.holes, **urls})
        return
    for path in simulation.paths:
        click.echo(f"wrote {path}")
    click.echo("Known to be missing from these archives:")
    for hole in simulation.holes:
        click.echo(f"  - {hole}")
    if urls:
        click.echo(f"The exchange answers until Ctrl-C. In another terminal: export KRAKEN_API_URL={urls['url']}")
        click.echo(f"It streams trades too: export KRAKEN_WS_URL={urls['ws_url']}")
        elsewhere = ",".join(f"{name}={urls['url']}" for name in ("kraken-futures", "coinbase"))
        click.echo(f"Markets of Kraken Futures and Coinbase too: export KRAKEN_EXCHANGE_URLS={elsewhere}")


def _serve(ctx: CliContext, simulation: Simulation, port: int, *, live: bool) -> None:
    """Answer requests and stream until Ctrl-C or SIGTERM, which is its regular end."""
    from kraken_core.domain.plural import counted

    ended = threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _opened(simulation, port, live=live) as (exchange, stream):
            _print(ctx, simulation, {"url": exchange.url, "ws_url": stream.url})
            ended.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    ctx.say(f"Exchange stopped after {counted(len(exchange.requests), 'request')}.")


@contextmanager
def _opened(simulation: Simulation, port: int, *, live: bool) -> Iterator[tuple[SimulatedExchange, SimulatedStream]]:
    """What answers and what streams, on one clock, and on ports side by side."""
    from kraken_core.domain.errors import UsageError
    from kraken_core.domain.exchange import SETTLING_S
    from kraken_core.simulator.demo import demo_contracts
    from kraken_core.simulator.exchange import ExchangeClock, SimulatedExchange
    from kraken_core.simulator.exchange.stream import SimulatedStream

    market = simulation.market
    clock = ExchangeClock(market.end - LAST_DAY_S, running=True) if live else ExchangeClock(market.end + SETTLING_S)
    with ExitStack() as opened:
        try:
            contracts = demo_contracts()
            exchange = opened.enter_context(SimulatedExchange(market, port=port, clock=clock, contracts=contracts))
            stream = opened.enter_context(SimulatedStream(market, clock, port=port + 1 if port else 0))
        except UsageError as error:
            raise UsageError(f"{error} The archives are written.") from error
        yield exchange, stream
