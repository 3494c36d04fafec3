"""How one request is repeated: longer waits each time, and no two callers in step."""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import NamedTuple

from kraken_core.ports import Access
from kraken_core.sources.rest.failures import Policy

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
LONGEST_REST_S = 600.0  # that a server may demand; for longer ones we give up for now


class RetryBudget(NamedTuple):
    """How often a request is sent at most, by what goes wrong the last time."""

    repeat: int = 9  # some two minutes: a restart of their gateway, a break of our line
    doubt: int = 5  # what makes no sense five times will not the sixth time
    slower: int = 12  # some eight minutes: others at our address may use up the limit for a while

    def tries(self, policy: Policy) -> int:
        """How often a request is sent that fails so; once where repeating is no use."""
        match policy:
            case Policy.REPEAT:
                return self.repeat
            case Policy.DOUBT:
                return self.doubt
            case Policy.SLOWER:
                return self.slower
            case Policy.PAIR | Policy.REFUSED | Policy.ALL:
                return 1


PATIENT = RetryBudget()
BRIEF = RetryBudget(repeat=3, doubt=2, slower=4)  # for a user who waits for a plan: a few seconds
_ONCE = RetryBudget(1, 1, 1)


def budget_of(access: Access) -> RetryBudget:
    """How often requests are repeated where an exchange is opened so."""
    return _ONCE if access.once else BRIEF if access.brief else PATIENT


def pause_s(failures: int, chance: Callable[[], float] = random) -> float:
    """How long to wait after so many failures in a row: twice as long each time, less up to a half by chance."""
    return min(FIRST_PAUSE_S * 2.0 ** (failures - 1), LONGEST_PAUSE_S) * (1 - chance() / 2)
