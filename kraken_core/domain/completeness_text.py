"""How complete something is, and on what evidence, in a few words."""

from __future__ import annotations

from collections.abc import Mapping

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.formatting import percent
from kraken_core.domain.grades import Grade
from kraken_core.domain.html_tables import grid
from kraken_core.domain.interval_units import short

_GOOD, _FAIR = 0.9999, 0.95


def grade(counts: Completeness) -> str:
    """How complete that is: good, fair or bad."""
    return "good" if counts.completeness >= _GOOD else "fair" if counts.completeness >= _FAIR else "bad"


def by_grade(counts: Completeness) -> dict[Grade, str]:
    """The share of covered slots on evidence of each grade, best first; a dash where none is covered."""
    if not counts.covered:
        return dict.fromkeys(Grade, "–")
    return {each: percent(getattr(counts, each.value) / counts.covered) for each in Grade}


def active(counts: Completeness) -> str:
    """How often it trades: the share of covered slots with a candle; a dash where none is covered."""
    return percent(counts.activity) if counts.covered else "–"


def evidence(counts: Completeness) -> str:
    """The shares of covered slots by grade, such as 12.00 % proved, 80.00 % confirmed."""
    return ", ".join(f"{share} {grade}" for grade, share in by_grade(counts).items())


def completeness_grid(by_interval: Mapping[int, Completeness]) -> str:
    """A table of HTML: a row an interval."""
    rows = (
        (short(interval), percent(each.completeness), *(f"{n:,}" for n in (each.wanted, each.missing, each.silent)))
        for interval, each in by_interval.items()
    )
    return grid(("interval", "complete", "expected", "missing", "no trades"), rows)
