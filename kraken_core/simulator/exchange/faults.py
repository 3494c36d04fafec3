"""What can go wrong with the simulated exchange: on demand, at the n-th request, or at random."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from random import Random

from kraken_core.domain.market import Pair

TOO_MANY_REQUESTS = "EGeneral:Too many requests"
UNAVAILABLE = "EService:Unavailable"
UNKNOWN_PAIR = "EQuery:Unknown asset pair"


class FaultKind(Enum):
    """What goes wrong. The first seven, and REFUSED, befall how it is answered, the others what."""

    SERVER_ERROR = auto()  # 503, with a page of HTML
    TIMEOUT = auto()  # no answer, until the client leaves
    RESET = auto()  # the connection is reset before the answer
    CUT_OFF = auto()  # the connection closes within the answer
    HALF = auto()  # a whole answer, as HTTP has it, whose JSON ends half-way
    SLOW = auto()  # the answer comes ``seconds`` later
    THROTTLED = auto()  # 429, with a Retry-After of ``seconds``
    ERROR = auto()  # the error text of the fault, in an answer with status 200
    NO_LAST = auto()  # without ``last``
    VANISHED = auto()  # the pair is in AssetPairs no more, and unknown
    MAINTENANCE = auto()  # by SystemStatus; all but it and Time are unavailable
    SKEWED = auto()  # as if the exchange's clock were ``seconds`` ahead (or, below 0, behind)
    FORBIDDEN = auto()  # 403, with a page of HTML
    PORTAL = auto()  # 200, with a page of HTML, as a captive portal answers
    REFUSED = auto()  # the error text of the fault, with HTTP ``status``
    BESIDE = auto()  # the error text of the fault, and the result too
    NONSENSE = auto()  # a text where rows are due
    ENTRY = auto()  # the pair's entry in AssetPairs has other ``fields``; None: without them
    ODD_ROW = auto()  # the trade with the id ``row`` has no price, or the candle at ``row`` (epoch seconds)
    GROWN = auto()  # rows have trailing fields, results and entries more keys, all unknown
    LAST_INTEGER = auto()  # ``last`` is a number
    LAST_EXPONENT = auto()  # ``last`` is in scientific notation, exact
    LAST_ROUNDED = auto()  # … and rounded to six digits
    LAST_FORMING = auto()  # ``last`` names the last row of candles, which is still forming
    OTHER_PAIR = auto()  # of the pair, or the interval, that the parameters in ``fields`` name
    BEHEADED = auto()  # Trades from the beginning on are those from the id ``row`` on


@dataclass(frozen=True, slots=True)
class Fault:
    """Goes wrong from the ``nth`` fitting request on (from 1), ``times`` in a row; None: for good.

    Requests fit that go to the endpoint (``OHLC``) and the pair; None: to any. VANISHED and ENTRY fit AssetPairs too.
    """

    kind: FaultKind
    endpoint: str | None = None
    pair: Pair | None = None
    nth: int = 1
    times: int | None = 1
    seconds: float = 1.0
    error: str = "EGeneral:Internal error"
    status: int = 400
    row: int = 1
    fields: tuple[tuple[str, object], ...] = ()

    def fits(self, endpoint: str, pair: Pair | None) -> bool:
        """Whether it can befall a request."""
        listing = self.kind in {FaultKind.VANISHED, FaultKind.ENTRY} and endpoint == "AssetPairs"
        if self.kind is FaultKind.ENTRY and not listing:
            return False
        return self.endpoint in {None, endpoint} and (listing or self.pair in {None, pair})

    def strikes(self, count: int) -> bool:
        """Whether it befalls the ``count``-th request that fits."""
        return self.nth <= count and (self.times is None or count < self.nth + self.times)


PASSING = (
    *map(Fault, (FaultKind.SERVER_ERROR, FaultKind.RESET, FaultKind.CUT_OFF, FaultKind.HALF)),
    *(Fault(FaultKind.ERROR, error=f"EService:{what}") for what in ("Unavailable", "Busy", "Deadline elapsed")),
    *(Fault(FaultKind.ERROR, error=what) for what in (TOO_MANY_REQUESTS, "EAPI:Rate limit exceeded")),
    Fault(FaultKind.ERROR),
)


@dataclass(frozen=True, slots=True)
class Faults:
    """Those of a script, of which the first that strikes does; else, for a ``share`` of the requests, one of ``menu``.

    What befalls the n-th request to an endpoint and pair depends on the seed alone, not on other requests.
    """

    script: tuple[Fault, ...] = ()
    share: float = 0.0
    seed: int = 0
    menu: tuple[Fault, ...] = PASSING


class FaultCounter:
    """Counts how often each fault could have struck. Safe to use from several threads."""

    def __init__(self) -> None:
        self._counts: Counter[object] = Counter()
        self._lock = threading.Lock()

    def befalls(self, faults: Faults, endpoint: str, pair: Pair | None) -> Fault | None:
        """What goes wrong with a request, which is counted."""
        fitting = [fault for fault in dict.fromkeys(faults.script) if fault.fits(endpoint, pair)]
        with self._lock:
            self._counts.update([(endpoint, pair), *fitting])
            striking = [fault for fault in fitting if fault.strikes(self._counts[fault])]
            chance = Random(f"{faults.seed} {endpoint} {pair} {self._counts[endpoint, pair]}")
        if striking:
            return striking[0]
        return chance.choice(faults.menu) if chance.random() < faults.share else None
