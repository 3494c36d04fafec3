"""The simulated exchange: Kraken's public REST API for a simulated market, on this machine."""

from kraken_core.simulator.exchange.clock import ExchangeClock
from kraken_core.simulator.exchange.exchange import RequestLine, SimulatedExchange
from kraken_core.simulator.exchange.faults import PASSING, Fault, FaultKind, Faults
from kraken_core.simulator.exchange.limits import Limits
from kraken_core.simulator.exchange.tape_faults import HONEST, TapeFaults

__all__ = [
    "HONEST",
    "PASSING",
    "ExchangeClock",
    "Fault",
    "FaultKind",
    "Faults",
    "Limits",
    "RequestLine",
    "SimulatedExchange",
    "TapeFaults",
]
