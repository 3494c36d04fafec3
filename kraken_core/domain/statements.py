"""Whether what an archive states of itself fits its rows (domain rule 4, Doubt).

A statement turns slots without a row into slots without trades. So rows have to bear it out: near each end that is
stated some file has a row, and no row lies outside. A download that stopped has no row there, under its full name; but
nor has an archive of few pairs that rarely trade. So where no row is near, all rows are counted: the end is believed
where they are as many as a manifest lists, or its pairs are so quiet that a silence of this length is no wonder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.candles import Vintage
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.endings import FEW_TRADES
from kraken_core.domain.timerange import ceil, iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kraken_core.domain.timerange import TimeRange

NEAR_S = 86_400  # an archive's busiest pairs trade every day, and its last slot at an interval may be absent
_DAY_S = 86_400
_NOT_TAKEN = "slots without a row are not taken for slots without trades there"


class Checked(NamedTuple):
    """What of a statement its rows bear out, why not the rest ("" where they bear out all), and where the rows end."""

    statement: ArchiveStatement
    note: str
    newest: int | None  # end of the newest row's slot, epoch seconds


class RowCount(NamedTuple):
    """All rows of an archive, counted: whether they are as many as it states; how many trades a second they have."""

    as_stated: bool
    trades_per_s: float


def lies_outside(statement: ArchiveStatement, rows: TimeRange) -> bool:
    """Whether rows of a file, from the first one's slot to the end of the last one's, leave the stated span."""
    start, end = statement
    return (start is not None and rows.start < start) or (end is not None and rows.end > end)


def as_stated_to(statement: ArchiveStatement, rows: TimeRange) -> ArchiveStatement:
    """The statement as far as it goes for a file with these rows: none, where it does not fit them."""
    return ArchiveStatement() if lies_outside(statement, rows) else statement


def checked(
    statement: ArchiveStatement,
    files: Iterable[tuple[int, TimeRange]],
    at_least: int = 1,
    count: Callable[[], RowCount | None] = lambda: None,
) -> Checked:
    """The statement compared with the rows of an archive's busiest files (width of their slots, rows), busiest first.

    No more of them are looked at than needed to confirm it, and ``at_least`` so many. An end that no row confirms
    is not stated, unless all rows, once they are ``count``ed, explain that. Where all rows begin late, the statement
    begins with them: the archive covers nothing before.
    """
    looked_at: list[TimeRange] = []
    firsts: dict[int, int] = {}  # by width: where rows begin
    for width, rows in files:
        if lies_outside(statement, rows):
            note = f"it states {_span(statement)}, and has rows from {iso(rows.start)} to {iso(rows.end)}: {_NOT_TAKEN}"
            return Checked(ArchiveStatement(), note, max(rows.end, *(r.end for r in looked_at), 0))
        looked_at.append(rows)
        firsts[width] = min(rows.start, firsts.get(width, rows.start))
        if len(looked_at) >= at_least and _borne_out(statement, looked_at, firsts) == statement:
            break
    if not looked_at:
        note = f"it states {_span(statement)}, and no row could be read to bear that out: {_NOT_TAKEN}"
        return Checked(ArchiveStatement(), "" if statement == ArchiveStatement() else note, None)
    left = _borne_out(statement, looked_at, firsts)
    first, newest = max(firsts.values()), max(rows.end for rows in looked_at)
    if left != statement and (counted := count()):
        left = _explained(statement, left, newest, counted)
    note = f"it states {_span(statement)}, but its rows go from {iso(first)} to {iso(newest)} only: {_NOT_TAKEN}"
    return Checked(left, "" if left == statement else note, newest)


def vintage_of(checked_statement: Checked, made: int | None, *, by_itself: bool) -> Vintage:
    """Which vintage an archive is, that was made at an instant; ``by_itself``: it states its end, not its user."""
    end = checked_statement.statement.end
    newest = checked_statement.newest
    if newest is not None:
        newest = ceil(newest, _DAY_S)
    return Vintage(end if by_itself and end is not None else newest, made, stated=end is not None)


def _borne_out(statement: ArchiveStatement, files: Sequence[TimeRange], firsts: Mapping[int, int]) -> ArchiveStatement:
    start, end = statement
    if start is not None and all(rows.start > start + NEAR_S for rows in files):
        start = max(firsts.values())  # a coarse slot opens before the first trade in it
    return ArchiveStatement(start, end if end is not None and any(r.end >= end - NEAR_S for r in files) else None)


def _explained(statement: ArchiveStatement, left: ArchiveStatement, newest: int, counted: RowCount) -> ArchiveStatement:
    is_quiet = statement.end is not None and counted.trades_per_s * (statement.end - newest) < FEW_TRADES
    return left._replace(end=statement.end) if counted.as_stated or is_quiet else left


def _span(statement: ArchiveStatement) -> str:
    start, end = ("?" if at is None else iso(at)[:10] for at in statement)
    return f"{start} to {end}"
