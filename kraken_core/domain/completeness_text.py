"""How complete something is, and on what evidence, in a few words."""

from __future__ import annotations

from kraken_core.domain.formatting import percent
from kraken_core.domain.grades import Grade
from kraken_core.domain.report import Completeness

_GOOD, _FAIR = 0.9999, 0.95


def grade(counts: Completeness) -> str:
    """How complete that is: good, fair or bad."""
    return "good" if counts.completeness >= _GOOD else "fair" if counts.completeness >= _FAIR else "bad"


def evidence(counts: Completeness) -> str:
    """The shares of covered slots by grade, such as 12.00 % proved, 80.00 % confirmed."""
    of = counts.covered or 1
    shares = ((getattr(counts, each.value), each.value) for each in Grade)
    return ", ".join(f"{percent(slots / of)} {name}" for slots, name in shares)
