"""A simulated market to try things on, in a home of its own: nothing of it mixes with real candles."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from kraken_core.domain.errors import UsageError
from kraken_core.settings import Settings
from kraken_core.simulator.demo import demo_market, simulate
from kraken_core.simulator.exchange import SimulatedExchange

# What the home of a simulated market sets itself; a variable of the same setting would win, and mix the two markets.
_OWN = ("ledger", "store", "api_url", "ws_url", "archives_url", "csv_source_dirs")
NO_STREAM = "ws://127.0.0.1:9/v2"  # its time stands still; and the real exchange's trades are none of its own


def simulated_home(settings: Settings) -> Path:
    """Where the simulated market of a home has its own home; it is there once it was made."""
    return settings.home / "simulated" / "home"


def make_simulated(settings: Settings) -> Path:
    """Write a simulated market's archives, and a home with their address; returns that home. Raises UsageError."""
    variables = [settings.origins[name] for name in _OWN if settings.origins[name].startswith("KRAKEN_")]
    if variables:
        raise UsageError(
            f"{variables[0]} is set, and would mix the simulated market with real candles: unset it first."
        )
    home = simulated_home(settings)
    archives = home.parent / "archives"
    home.mkdir(parents=True, exist_ok=True)
    simulate(archives)
    _write(home, "http://127.0.0.1:0")
    return home


def serve_simulated(home: Path) -> SimulatedExchange:
    """The simulated market's exchange, answering until it is closed; its home has the address. On its former port.

    Clients keep retrying: it may have been closed in between.
    """
    before = urlsplit(tomllib.loads((home / "kraken.toml").read_text(encoding="utf-8"))["api_url"]).port or 0
    market = demo_market()
    try:
        exchange = SimulatedExchange(market, port=before, limits=None)
    except UsageError:  # another process has it now
        exchange = SimulatedExchange(market, limits=None)
    exchange.__enter__()
    _write(home, exchange.url)
    return exchange


def _write(home: Path, url: str) -> None:
    archives = json.dumps(str(home.parent / "archives"))  # a string of TOML is one of JSON
    lines = [
        "# The simulated market's own settings; the dashboard writes them.",
        f'api_url = "{url}"',
        f'ws_url = "{NO_STREAM}"',
        'archives_url = ""',
        "requests_per_second = 10.0",
        "pairs_in_parallel = 8",
        f"csv_source_dirs = [{archives}]",
    ]
    text = "\n".join(lines) + "\n"
    file = home / "kraken.toml"
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
