"""What is said of evidence is about what is covered, and nothing is said where nothing is."""

from __future__ import annotations

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.completeness_text import by_grade
from kraken_core.domain.grades import Grade


def test_shares_are_of_what_is_covered() -> None:
    shares = by_grade(Completeness(wanted=100, covered=40, proved=10, confirmed=20))
    assert shares == {
        Grade.PROVED: "25.00 %",
        Grade.CONFIRMED: "50.00 %",
        Grade.CLAIMED: "25.00 %",
        Grade.DOUBTFUL: "0 %",
    }


def test_where_nothing_is_covered_there_is_no_share_of_it() -> None:
    assert set(by_grade(Completeness(wanted=100)).values()) == {"–"}
