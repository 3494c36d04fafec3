"""How often a pair trades, by the numbers of its trades."""

from __future__ import annotations

import pytest

from kraken_core.domain.life import Life
from kraken_core.domain.trade_spans import rate_of_ids

DAY_S = 86_400
LISTED = (Life(10 * DAY_S, assumed=False),)


@pytest.mark.parametrize(
    ("seen", "lives", "rate"),
    [
        ([(12 * DAY_S, 2 * DAY_S + 1)], LISTED, 1.0),
        ([(11 * DAY_S, 100), (13 * DAY_S, 100 + DAY_S)], (), 0.5),
        ([(12 * DAY_S, 1)], LISTED, 1 / (2 * DAY_S)),  # nothing traded since the first one
        ([(10 * DAY_S + 60, 500)], LISTED, None),  # too short to say
        ([(12 * DAY_S, 500)], (Life(10 * DAY_S, assumed=True),), None),  # the first of all may have been earlier
        ([], LISTED, None),
    ],
)
def test_numbers_say_how_many_trades_there_were_between_two_instants(
    seen: list[tuple[int, int]], lives: tuple[Life, ...], rate: float | None
) -> None:
    assert rate_of_ids(seen, lives) == rate
