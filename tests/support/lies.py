"""Everything that an exchange and the files of archives may tell wrongly, drawn at random for property tests.

Only what can be noticed is drawn: a trade that is left out where nobody numbers them, or hourly rows of a quiet pair
in a file of minutes, look as if nothing were wrong.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.simulator.damage import DamageKind, damaged
from kraken_core.simulator.exchange import HONEST, Fault, FaultKind, Faults, TapeFaults
from kraken_core.simulator.exchange.faults import PASSING
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.misfiled import revintaged, shows_its_interval
from tests.support.strategies import START

INTERVAL_FILE = re.compile(r"[A-Z]+_\d+\.csv")  # and none of what macOS leaves beside it
SHARES = st.sampled_from([0.0, 0.0, 0.05, 0.5])
IDS = {
    "seed": st.integers(0, 2**32),
    "restarts": st.sampled_from([0.0, 0.01]),
    "swapped": SHARES,
    "phantoms": SHARES,
}
ENDS = {  # pages that end early, answers that are old, trades that come late, ids that are not told
    "short": SHARES,
    "empty": SHARES,
    "no_last": SHARES,
    "stale": st.sampled_from([0.0, 0.3, 1.0]),
    "stale_candles": st.sampled_from([0.0, 0.0, 0.3, 1.0]),
    "stale_s": st.sampled_from([30.0, 200.0, 1200.0, 5700.0]),
    "empty_candles": st.sampled_from([0.0, 0.0, 0.3, 1.0]),
    "odd_candles": st.sampled_from([0.0, 0.0, 0.01, 0.3]),
    "late": SHARES,
    "late_s": st.sampled_from([5.0, 30.0]),
    "unknown": SHARES,
}


@st.composite
def numberings(draw: st.DrawFn) -> TapeFaults:
    """How a market's trades are numbered: mostly as they should be."""
    return draw(st.just(HONEST) | st.builds(TapeFaults, **IDS))


@st.composite
def tape_faults(draw: st.DrawFn, numbering: TapeFaults) -> TapeFaults:
    """What else goes wrong with an exchange's answers for a while."""
    kinds = ["none", "ends", "ends", *(["lost"] if numbering == HONEST else [])]
    match draw(st.sampled_from(kinds)):
        case "ends":
            more: dict[str, Any] = draw(st.fixed_dictionaries(ENDS))
            return replace(numbering, **more)
        case "lost":  # which is noticed by the ids around it, and has to come when it is asked for again
            page = draw(st.integers(1, 6))
            return TapeFaults(draw(st.integers(0, 2**32)), lost=1.0, from_page=page, to_page=page)
        case _:
            return numbering


ERRORS = (
    "EService:Unavailable",
    "EService:Market in cancel_only mode",
    "EQuery:Unknown asset pair",
    "EGeneral:Internal error",
    "EGeneral:Invalid arguments",
    "EAPI:Rate limit exceeded",
    "WSomething:New",
)
ENTRIES = (
    (("wsname", None),),
    (("wsname", None), ("base", None), ("altname", "東京")),
    (("base", None), ("quote", None)),
    (("status", "asleep"), ("execution_venue", "new")),
    (("altname", None),),
)
_OF_AN_ANSWER = (
    *(
        FaultKind.SERVER_ERROR,
        FaultKind.RESET,
        FaultKind.CUT_OFF,
        FaultKind.HALF,
        FaultKind.THROTTLED,
        FaultKind.ERROR,
        FaultKind.NO_LAST,
        FaultKind.VANISHED,
    ),
    *(
        FaultKind.MAINTENANCE,
        FaultKind.FORBIDDEN,
        FaultKind.PORTAL,
        FaultKind.REFUSED,
        FaultKind.BESIDE,
        FaultKind.NONSENSE,
        FaultKind.ENTRY,
    ),
    *(
        FaultKind.ODD_ROW,
        FaultKind.GROWN,
        FaultKind.LAST_INTEGER,
        FaultKind.LAST_EXPONENT,
        FaultKind.LAST_ROUNDED,
        FaultKind.LAST_FORMING,
        FaultKind.BEHEADED,
    ),
)


@st.composite
def scripts(draw: st.DrawFn, market: SimulatedMarket) -> Faults:
    """Some faults at the n-th request or for good, and some at random."""
    script = draw(st.lists(_faults(market), max_size=4))
    return Faults(tuple(script), draw(st.sampled_from([0.0, 0.0, 0.1])), draw(st.integers(0, 2**32)), PASSING)


@st.composite
def _faults(draw: st.DrawFn, market: SimulatedMarket) -> Fault:
    kind = draw(st.sampled_from(_OF_AN_ANSWER))
    pair = draw(st.sampled_from(list(market.listings)))
    ids = len(market.tapes[pair])
    odd = st.one_of(
        st.integers(1, max(ids, 1)),
        st.integers(0, (market.end - START) // 86_400).map(lambda day: START + day * 86_400),
    )
    endpoints = [None, "Trades", "OHLC"]
    of_pair = kind in {FaultKind.VANISHED, FaultKind.ENTRY, FaultKind.BEHEADED} or draw(st.booleans())
    if kind is FaultKind.BEHEADED:
        endpoints = ["Trades"]
        if not ids:
            kind = FaultKind.GROWN
    return Fault(
        kind,
        draw(st.sampled_from(endpoints)),
        pair if of_pair else None,
        draw(st.integers(1, 8)),
        draw(st.sampled_from([1, 3, None])),
        error=draw(st.sampled_from(ERRORS)),
        status=draw(st.sampled_from([400, 404])),
        row=draw(st.integers(1, max(ids, 1)) if kind is FaultKind.BEHEADED else odd),
        fields=draw(st.sampled_from(ENTRIES)),
    )


@st.composite
def spoiled_folders(draw: st.DrawFn, folder: Path) -> list[Pair]:
    """Damage, relabel or re-vintage some files of an archive in a folder; the pairs of which counts are others now."""
    files = sorted(file for file in folder.rglob("*_*.csv") if INTERVAL_FILE.fullmatch(file.name))
    chosen = draw(st.lists(st.sampled_from(files), unique=True, max_size=6)) if files else []
    others: list[Pair] = []
    done: set[Path] = set()  # a file suffers once: a part of rows under a wrong name may show nothing any more
    for file in chosen:
        if file in done:
            continue
        done.add(file)
        seed = draw(st.integers(0, 1 << 20))
        match draw(st.sampled_from(["damage", "damage", "label", "vintage"])):
            case "damage":
                file.write_bytes(damaged(file.read_bytes(), draw(st.sampled_from(DamageKind)), seed))
            case "label":
                done.add(_mislabelled(file, draw(st.sampled_from(INTERVALS)), kept=draw(st.booleans())))
            case _:
                file.write_bytes(revintaged(file.read_bytes(), seed))
                others.append(Pair.parse(file.stem.rpartition("_")[0]))
    return others


def _mislabelled(file: Path, interval: int, *, kept: bool) -> Path:
    """Put a file's rows in place of its pair's file of another interval, which is returned, where that shows."""
    name, _, own = file.stem.rpartition("_")
    text, other = file.read_bytes(), file.with_name(f"{name}_{interval}.csv")
    if shows_its_interval(text, int(own), interval):
        other.write_bytes(text)
        if not kept:
            file.unlink()
    return other
