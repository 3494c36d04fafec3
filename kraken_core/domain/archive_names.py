"""What an archive states by its name: the quarter it covers, or the first and the last of several (domain rule 4)."""

from __future__ import annotations

import re
from datetime import date

from kraken_core.domain.archives import quarter_bounds
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.timerange import day_start

# A quarter with its year, either way round; a year, or a quarter, alone has a meaning in a range only.
_WITH_YEAR = r"Q[1-4][ _-]?20\d\d|20\d\d[ _-]?Q[1-4]"
_LINK = r"[ _]*(?:-|–|(?<![A-Z])(?:to|thru|through|until|till)(?![A-Z]))[ _]*"
_UP_TO = r"(?:to|thru|through|until|till)[ _-]*"
_SINCE = r"(?:from|since|after|before)[ _-]*"
_TOKENS = re.compile(
    rf"(?<![A-Z0-9])(?:"
    rf"(?P<first>Q[1-4]){_LINK}(?P<last>Q[1-4][ _-]?20\d\d)"
    rf"|(?P<start>{_WITH_YEAR}|20\d\d){_LINK}(?P<end>{_WITH_YEAR})"
    rf"|(?P<head>20\d\d[ _-]?Q[1-4]){_LINK}(?P<tail>Q[1-4])"
    rf"|{_UP_TO}(?P<until>{_WITH_YEAR})"
    rf"|(?P<other>{_SINCE}(?:{_WITH_YEAR}))"
    rf"|(?P<quarter>{_WITH_YEAR})"
    rf"|(?P<bare>Q[1-4])"
    rf")(?![A-Z0-9])",
    re.ASCII | re.IGNORECASE,
)
_FULL = re.compile(r"full|master", re.IGNORECASE)
_NOTHING = ArchiveStatement()


def stated_by_name(name: str) -> ArchiveStatement:
    """What the quarters in an archive's name state: Q1_2026 its start and end, Full_2026Q2 its end only.

    Ranges are ranges: ``Q1-Q3_2025``, ``2025Q1-2025Q3``, ``2013_to_Q4_2025``; ``up_to_2025Q4`` states an end only. A
    name of several quarters that are no range states nothing: it may mean any of them, or all between.
    """
    found = {_meaning(match) for match in _TOKENS.finditer(name)}
    if len(found) != 1:
        return _NOTHING
    start, end = found.pop()
    if start is not None and end is not None and start >= end:
        return _NOTHING
    return ArchiveStatement(None if _FULL.search(name) else start, end)


def _meaning(match: re.Match[str]) -> ArchiveStatement:
    part = match.groupdict()
    if part["last"]:
        year, number = _quarter(part["last"])
        return ArchiveStatement(quarter_bounds(year, int(part["first"][1]))[0], quarter_bounds(year, number)[1])
    if part["end"]:
        return ArchiveStatement(_start(part["start"]), quarter_bounds(*_quarter(part["end"]))[1])
    if part["tail"]:
        year, number = _quarter(part["head"])
        return ArchiveStatement(quarter_bounds(year, number)[0], quarter_bounds(year, int(part["tail"][1]))[1])
    if part["until"]:
        return ArchiveStatement(None, quarter_bounds(*_quarter(part["until"]))[1])
    if part["quarter"]:
        return ArchiveStatement(*quarter_bounds(*_quarter(part["quarter"])))
    return _NOTHING


def _start(text: str) -> int:
    return day_start(date(int(text), 1, 1)) if text.isdigit() else quarter_bounds(*_quarter(text))[0]


def _quarter(text: str) -> tuple[int, int]:
    """Year and number of Q1_2026 or 2026Q1."""
    digits = re.sub(r"\D", "", text)
    return (int(digits[1:]), int(digits[0])) if text[0] in "Qq" else (int(digits[:4]), int(digits[4]))
