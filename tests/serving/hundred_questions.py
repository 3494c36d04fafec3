"""A hundred questions about the little market's history, and their answers, which its tapes and archives decide.

Nothing of what is tested is used for an answer: what traded is in the tapes, what is missing between the releases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRanges, iso
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.workbench.requests import instant
from tests.support.little_market import FIRST_HOLE, LAST_HOLE

DAY = 86_400
HOLES = TimeRanges.of((instant(start), instant(end)) for start, end in (FIRST_HOLE, LAST_HOLE))
# Far from the edges of both releases, where the last slot of an interval may not be covered
INSIDE = TimeRanges.of([(instant("2024-03-28"), instant("2024-03-31")), (instant("2024-04-04"), instant("2024-04-05"))])
NAMES = {1: "1m", 5: "5m", 15: "15m", 60: "1h", 240: "4h", 1440: "1d"}


class Question(NamedTuple):
    """What is put to a tool, and what is wrong with an answer: "" where nothing is."""

    tool: str
    given: dict[str, Any]
    judge: Callable[[dict[str, Any]], str]


def questions(market: SimulatedMarket) -> list[Question]:
    """A hundred of them, the same each time."""
    chance = Random(7)
    pairs = sorted(market.tapes)
    return [
        *_slots(market, pairs, chance),
        *_outside(pairs, chance),
        *_complete(pairs, chance),
        *_gaps(pairs),
        *_candles(market, pairs),
        *_plans(pairs),
    ]


def _slots(market: SimulatedMarket, pairs: Sequence[Pair], chance: Random) -> Iterator[Question]:
    """25 slots that traded, 15 that did not, 15 that are missing."""
    traded, quiet, missing = [], [], []
    for pair in pairs:
        for interval in NAMES:
            width = interval * 60
            busy = market.traded(pair, interval)
            traded += [(pair, interval, slot) for slot in _opens(INSIDE & busy, width)]
            quiet += [(pair, interval, slot) for slot in _opens(INSIDE - busy, width)]
            missing += [(pair, interval, slot) for slot in _opens(HOLES, width)]
    for state, count, slots in (("present", 25, traded), ("no trades", 15, quiet), ("missing", 15, missing)):
        for pair, interval, slot in chance.sample(slots, count):
            at = iso(slot + chance.randrange(interval * 60))
            yield Question("explain_slot", _of(pair, interval, at=at), _is_slot(state, slot, interval * 60))


def _outside(pairs: Sequence[Pair], chance: Random) -> Iterator[Question]:
    """A day before the first trade of each pair."""
    for pair in pairs:
        slot = instant("2024-03-25")
        yield Question(
            "explain_slot", _of(pair, 60, at=iso(slot + chance.randrange(3600))), _is_slot("outside", slot, 3600)
        )


def _is_slot(state: str, start: int, width: int) -> Callable[[dict[str, Any]], str]:
    def judge(answer: dict[str, Any]) -> str:
        if (answer["state"], answer["start"], answer["end"]) != (state, iso(start), iso(start + width)):
            return f"{answer['state']} from {answer['start']}, not {state} from {iso(start)}"
        cited = [claim for claim in answer["claims"] if claim["in_force"]]
        if state in {"missing", "outside"}:
            return "cites claims of what nobody claims" if cited or answer["grade"] else _gap_of(answer, state, start)
        around = [claim for claim in cited if claim["start"] <= iso(start) and iso(start + width) <= claim["end"]]
        if not around or not all(str(claim["id"]) in answer["text"] for claim in cited):
            return f"does not cite what it rests on: {answer['text']}"
        return "" if (answer["candle"] is not None) == (state == "present") else "candle and state differ"

    return judge


def _gap_of(answer: dict[str, Any], state: str, start: int) -> str:
    if state == "outside":
        return "" if answer["gap"] is None else "a gap outside of life"
    [hole] = [hole for hole in HOLES if hole.start <= start < hole.end]
    gap = answer["gap"]
    return "" if gap and (gap["start"], gap["end"]) == (iso(hole.start), iso(hole.end)) else f"gap {gap}, not {hole}"


def _complete(pairs: Sequence[Pair], chance: Random) -> Iterator[Question]:
    """10 spans without a hole, 10 with a part of one or more."""
    for pair in pairs:
        for interval in (60, 1440):
            start = instant("2024-03-28") + chance.randrange(2) * DAY
            end = start + DAY
            yield Question("is_complete", _of(pair, interval, start=iso(start), end=iso(end)), _lacks(TimeRanges()))
            start, end = instant("2024-03-30"), instant("2024-04-01") + chance.randrange(1, 6) * DAY
            lacking = HOLES & TimeRanges.single(start, end)
            yield Question("is_complete", _of(pair, interval, start=iso(start), end=iso(end)), _lacks(lacking))


def _lacks(holes: TimeRanges) -> Callable[[dict[str, Any]], str]:
    def judge(answer: dict[str, Any]) -> str:
        found = [(each["start"], each["end"]) for each in answer["missing"]]
        wanted = [(iso(hole.start), iso(hole.end)) for hole in holes]
        if answer["complete"] is bool(holes) or found != wanted:
            return f"complete {answer['complete']}, without {found}, not {wanted}"
        return "" if answer["claims"] else "cites no claim"

    return judge


def _gaps(pairs: Sequence[Pair]) -> Iterator[Question]:
    """Two of every series: the holes."""
    for pair in pairs:
        for interval in (60, 1440):
            candles = HOLES.slots(interval * 60)
            given = {"pairs": [str(pair)], "intervals": [NAMES[interval]]}
            yield Question("gaps", given, _has(total=2, candles=candles, as_of="2024-04-07T00:00:00Z"))


def _candles(market: SimulatedMarket, pairs: Sequence[Pair]) -> Iterator[Question]:
    """Those of a day, as the tape has them."""
    start, end = "2024-03-29T00:00:00Z", "2024-03-30T00:00:00Z"
    for pair in pairs:
        truth = market.truth(pair, 60)
        wanted = truth.filter(
            (truth["time"].dt.epoch("s") >= instant(start)) & (truth["time"].dt.epoch("s") < instant(end))
        )
        rows = [(row["close"], row["trades"]) for row in wanted.to_dicts()]
        yield Question("candles", _of(pair, 60, start=start, end=end), _are(rows))


def _are(rows: list[tuple[float, int]]) -> Callable[[dict[str, Any]], str]:
    def judge(answer: dict[str, Any]) -> str:
        found = [(candle["close"], candle["trades"]) for candle in answer["candles"]]
        if found != rows or not rows:
            return f"{len(found)} candles that are not the {len(rows)} of the tape"
        return "" if answer["complete"] and answer["claims"] else "not complete, or cites no claim"

    return judge


def _plans(pairs: Sequence[Pair]) -> Iterator[Question]:
    """One request brings all of a pair's hours: the exchange still has the last 720 of them."""
    for pair in pairs:
        given = {"pairs": [str(pair)], "intervals": ["1h"]}
        command = f"kraken-history backfill --pairs {pair} --intervals 1h"
        yield Question("plan_backfill", given, _has(gaps=2, candles=72, requests=1, command=command, job=None))


def _has(**wanted: Any) -> Callable[[dict[str, Any]], str]:
    def judge(answer: dict[str, Any]) -> str:
        found = {name: answer[name] for name in wanted}
        return "" if found == wanted else f"{found}, not {wanted}"

    return judge


def _of(pair: Pair, interval: int, **more: str) -> dict[str, Any]:
    return {"pair": str(pair), "interval": NAMES[interval], **more}


def _opens(ranges: TimeRanges, width: int) -> list[int]:
    return [start for part in ranges.inner(width) for start in range(part.start, part.end, width)]
