"""Whether what an archive states fits its rows (domain rule 4, Doubt)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.archives import quarter_bounds
from kraken_core.domain.candles import Vintage
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.statements import NEAR_S, Checked, RowCount, as_stated_to, lies_outside, vintage_of
from kraken_core.domain.statements import checked as checked_by_width
from kraken_core.domain.timerange import TimeRange, day_start

DAY = 86_400
START, END = quarter_bounds(2025, 4)
QUARTER = ArchiveStatement(START, END)
NOTHING = ArchiveStatement()
NINTH_OF_NOVEMBER = day_start(date(2025, 11, 10))  # the end of that day


def checked(statement: ArchiveStatement, files: Iterable[TimeRange]) -> Checked:
    """Holdings against files of days."""
    return checked_by_width(statement, ((DAY, rows) for rows in files))


def test_rows_that_end_on_9_november_do_not_bear_out_the_end_of_the_year() -> None:
    found = checked(QUARTER, [TimeRange(START, NINTH_OF_NOVEMBER), TimeRange(START, NINTH_OF_NOVEMBER - DAY)])
    assert found.statement == ArchiveStatement(START, None)
    assert found.note == (
        "it states 2025-10-01 to 2026-01-01, but its rows go from 2025-10-01T00:00:00Z to 2025-11-10T00:00:00Z only: "
        "slots without a row are not taken for slots without trades there"
    )
    assert found.newest == NINTH_OF_NOVEMBER


def test_where_all_rows_begin_late_the_statement_begins_with_them() -> None:
    """A day opens before the first trade in it: the finer files tell where the archive begins."""
    days, minutes = (DAY, TimeRange(NINTH_OF_NOVEMBER, END)), (60, TimeRange(NINTH_OF_NOVEMBER + 50_400, END))
    for files in ([days, minutes], [minutes, days]):
        found = checked_by_width(QUARTER, files)
        assert found.statement == ArchiveStatement(NINTH_OF_NOVEMBER + 50_400, END)
        assert "its rows go from 2025-11-10T14:00:00Z to 2026-01-01" in found.note


def test_one_file_that_reaches_an_end_bears_it_out_for_all() -> None:
    files = [TimeRange(START, NINTH_OF_NOVEMBER), TimeRange(NINTH_OF_NOVEMBER, END - DAY)]
    assert checked(QUARTER, files) == (QUARTER, "", END - DAY)


@given(st.integers(-3 * DAY, 3 * DAY), st.integers(-3 * DAY, 3 * DAY))
def test_near_an_end_is_within_a_day_and_beyond_it_nothing_is_stated(first: int, last: int) -> None:
    found = checked(QUARTER, [TimeRange(START + first, END + last)]).statement
    if first < 0 or last > 0:
        assert found == NOTHING
    else:
        assert found == ArchiveStatement(START + (first if first > NEAR_S else 0), END if last >= -NEAR_S else None)


def test_a_row_outside_the_stated_span_voids_all_of_it_and_is_noted() -> None:
    found = checked(QUARTER, [TimeRange(START, END - 2 * DAY), TimeRange(START - DAY, END)])
    assert found.statement == NOTHING
    assert "has rows from 2025-09-30T00:00:00Z" in found.note


@pytest.mark.parametrize(
    ("counted", "believed"),
    [
        (RowCount(as_stated=True, trades_per_s=9.0), ArchiveStatement(START + 2 * DAY, END)),
        (
            RowCount(as_stated=False, trades_per_s=19 / (END - NINTH_OF_NOVEMBER)),
            ArchiveStatement(START + 2 * DAY, END),
        ),
        (
            RowCount(as_stated=False, trades_per_s=20 / (END - NINTH_OF_NOVEMBER)),
            ArchiveStatement(START + 2 * DAY, None),
        ),
        (None, ArchiveStatement(START + 2 * DAY, None)),
    ],
)
def test_where_no_row_is_near_an_end_as_many_rows_as_listed_or_a_slow_pace_bear_it_out(
    counted: RowCount | None, believed: ArchiveStatement
) -> None:
    rows = [(DAY, TimeRange(START + 2 * DAY, NINTH_OF_NOVEMBER))]
    found = checked_by_width(QUARTER, rows, count=lambda: counted)
    assert found.statement == believed
    assert bool(found.note) is (believed != QUARTER)


def test_rows_outside_void_a_statement_however_many_they_are() -> None:
    rows = [(DAY, TimeRange(START - DAY, NINTH_OF_NOVEMBER))]
    found = checked_by_width(QUARTER, rows, count=lambda: RowCount(as_stated=True, trades_per_s=0.0))
    assert found.statement == NOTHING


def test_nothing_is_stated_where_no_row_could_be_read() -> None:
    assert checked(QUARTER, []).statement == NOTHING
    assert "no row could be read" in checked(QUARTER, []).note
    assert checked(NOTHING, []) == (NOTHING, "", None)


def test_no_more_files_are_looked_at_than_it_takes() -> None:
    looked = []

    def files() -> Iterator[TimeRange]:
        for rows in (TimeRange(START, END), TimeRange(START, END)):
            looked.append(rows)
            yield rows

    checked(QUARTER, files())
    assert len(looked) == 1


@given(st.integers(START - DAY, END + DAY), st.integers(START - DAY, END + DAY))
def test_a_statement_goes_for_a_file_only_where_its_rows_are_inside(one: int, other: int) -> None:
    rows = TimeRange(min(one, other), max(one, other) + 1)
    inside = rows.start >= START and rows.end <= END
    assert lies_outside(QUARTER, rows) is not inside
    assert as_stated_to(QUARTER, rows) == (QUARTER if inside else NOTHING)
    assert as_stated_to(NOTHING, rows) == NOTHING


def test_a_full_archive_without_a_date_is_newer_than_a_quarter_that_states_its_own() -> None:
    """Its rows go on for longer: that the quarter states its end makes it no better."""
    full = checked(NOTHING, [TimeRange(0, END - 60)])
    quarter = checked(ArchiveStatement(*quarter_bounds(2023, 2)), [TimeRange(*quarter_bounds(2023, 2))])
    assert vintage_of(full, None, by_itself=False) == Vintage(END, None)
    assert vintage_of(quarter, None, by_itself=True) == Vintage(quarter_bounds(2023, 2)[1], None, stated=True)


@pytest.mark.parametrize("missing", [0, 60, DAY])
def test_of_one_quarter_all_archives_are_as_new_whatever_their_last_row(missing: int) -> None:
    found = vintage_of(checked(QUARTER, [TimeRange(START, END - missing)]), 5, by_itself=True)
    assert found == Vintage(END, 5, stated=True)


def test_what_a_user_says_of_an_archive_makes_it_no_newer_than_its_rows() -> None:
    found = vintage_of(checked(ArchiveStatement(None, END), [TimeRange(START, END - DAY)]), None, by_itself=False)
    assert found == Vintage(END - DAY, None, stated=True)
