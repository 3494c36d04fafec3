"""Funding: the rates of perpetuals that their exchanges still answer, stored contract by contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kraken_core.domain.errors import PairRefusedError, UnavailableError
from kraken_core.domain.funding import FundingAnswer, FundingRate, FundingRecorded, FundingUpdate
from kraken_core.domain.market import Pair
from kraken_core.domain.outages import not_reached

_NOTHING = FundingRecorded(0, 0)


def update_funding(
    requested: Callable[[Pair], FundingAnswer],
    record: Callable[[Pair, Iterable[FundingRate]], FundingRecorded],
    pairs: Iterable[Pair],
) -> Iterator[FundingUpdate]:
    """Request and record the rates of perpetuals, one after the other; where one is refused, the others all the same.

    Of an exchange that does not answer nothing more is requested. Raises Interrupted.
    """
    down: dict[str, str] = {}
    for pair in pairs:
        try:
            if pair.venue not in down:
                answer = requested(pair)
                recorded = record(pair, answer.rates)
                problem = "" if answer.rates else f"{pair}: no funding rates were answered."
                yield FundingUpdate(pair, recorded, problem, answer.skipped)
                continue
        except PairRefusedError as error:
            yield FundingUpdate(pair, _NOTHING, str(error))
            continue
        except UnavailableError as error:
            down[pair.venue] = str(error)
        yield FundingUpdate(pair, _NOTHING, not_reached({pair.venue: down[pair.venue]}))
