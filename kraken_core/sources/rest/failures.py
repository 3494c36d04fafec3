"""What can come instead of an answer, and what is then done about it: one policy each."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

_MOST_SHOWN = 200  # characters of an error's text


class Policy(Enum):
    """What is done where no answer came."""

    REPEAT = auto()  # retry later; if that never helps, give up on the job, unless it is this pair alone
    DOUBT = auto()  # retry later; if that never helps, give up on the pair
    SLOWER = auto()  # too many requests: retry later, and less often from then on
    PAIR = auto()  # give up on the pair at once
    REFUSED = auto()  # give up at once: on the pair where another one is answered, else on the job
    ALL = auto()  # give up on the job at once


class NoAnswerError(Exception):
    """A request that was not answered as it should be. Never leaves this folder.

    ``wait_s``: how long the front end, which identifies callers by address alone, accepts no requests. ``reached``:
    whether there was a connection at all.
    """

    def __init__(self, reason: str, policy: Policy, wait_s: float = 0.0, *, reached: bool = True) -> None:
        super().__init__(reason)
        self.policy = policy
        self.wait_s = wait_s
        self.reached = reached


# By the beginning of an error's text (https://docs.kraken.com/api/docs/guides/spot-errors), the first that fits.
_BY_TEXT = {
    "EGeneral:Too many requests": Policy.SLOWER,
    "EAPI:Rate limit exceeded": Policy.SLOWER,
    "EGeneral:Temporary lockout": Policy.SLOWER,
    "apiLimitExceeded": Policy.SLOWER,  # of Kraken Futures
    "NotFound": Policy.PAIR,  # of Coinbase
    "EService:Market in": Policy.PAIR,  # cancel_only mode and the like: the market of this pair alone
    "EService:": Policy.REPEAT,  # Unavailable, Busy, Deadline elapsed
    "EQuery:": Policy.PAIR,  # Unknown asset pair
    "EGeneral:Invalid arguments": Policy.PAIR,
    "EGeneral:Unknown method": Policy.ALL,
    "EGeneral:Permission denied": Policy.ALL,
}


def policy_of(error: str) -> Policy:
    """What to do about an error of the exchange; an unknown one may be of the pair, and may pass."""
    return next((policy for start, policy in _BY_TEXT.items() if error.startswith(start)), Policy.DOUBT)


def refused_by(errors: Sequence[str]) -> NoAnswerError:
    """An answer that is an error: its texts in one short line, and the policy of the first."""
    line = " ".join(", ".join(errors).encode("ascii", "replace").decode().split())
    return NoAnswerError(f"the exchange returned {line[:_MOST_SHOWN]}", policy_of(errors[0]))


def nonsense(what: str) -> NoAnswerError:
    """An answer that has not the documented form, as one that was cut off: requested again, and never guessed at."""
    return NoAnswerError(f"invalid answer: {what}", Policy.DOUBT)
