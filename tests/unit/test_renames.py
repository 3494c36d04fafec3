"""Series over renames: whose candle is whose, by which factor, and what is never joined (domain rule 17)."""

from __future__ import annotations

from fractions import Fraction

import polars as pl
import pytest

from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange
from tests.support.identity_facts import DAY, DAYS, EVER, Piece, Stored, facts, joined, price, reading, rows

ALL = range(DAYS)
EVERYTHING = dict.fromkeys("ABCDE", ALL)  # every ticker trades on every day: all overlap
_24K, TENTH = Fraction(1, 24_000), Fraction(1, 10)
CASES: list[tuple[str, str, list[Piece]]] = [
    # what is asked for by its present name begins under its old one
    ("A>B@5", "B", [Piece("A", 0, 4), Piece("B", 5, 9)]),
    ("A>B@1", "B", [Piece("A", 0, 0), Piece("B", 1, 9)]),
    ("A>B@9", "B", [Piece("A", 0, 8), Piece("B", 9, 9)]),
    ("A>B@20", "B", [Piece("A", 0, 9)]),
    # … and by its old one goes on under its present one
    ("A>B@5", "A", [Piece("A", 0, 4), Piece("B", 5, 9)]),
    ("A>B@20", "A", [Piece("A", 0, 9)]),
    # nobody else is touched
    ("A>B@5", "C", [Piece("C", 0, 9)]),
    ("", "A", [Piece("A", 0, 9)]),
    # factors, in units of the name that was asked for
    ("A>B@5*24000", "B", [Piece("A", 0, 4, _24K), Piece("B", 5, 9)]),
    ("A>B@5*24000", "A", [Piece("A", 0, 4), Piece("B", 5, 9, Fraction(24_000))]),
    ("A>B@5*1/100", "B", [Piece("A", 0, 4, Fraction(100)), Piece("B", 5, 9)]),
    ("A>B@5*3/7", "B", [Piece("A", 0, 4, Fraction(7, 3)), Piece("B", 5, 9)]),
    # chains
    ("A>B@3 B>C@6", "C", [Piece("A", 0, 2), Piece("B", 3, 5), Piece("C", 6, 9)]),
    ("A>B@3 B>C@6", "B", [Piece("A", 0, 2), Piece("B", 3, 5), Piece("C", 6, 9)]),
    ("A>B@3 B>C@6", "A", [Piece("A", 0, 2), Piece("B", 3, 5), Piece("C", 6, 9)]),
    ("B>C@6 A>B@3", "C", [Piece("A", 0, 2), Piece("B", 3, 5), Piece("C", 6, 9)]),
    ("A>B@3*2 B>C@6*5", "C", [Piece("A", 0, 2, Fraction(1, 10)), Piece("B", 3, 5, Fraction(1, 5)), Piece("C", 6, 9)]),
    ("A>B@3*2 B>C@6*5", "B", [Piece("A", 0, 2, Fraction(1, 2)), Piece("B", 3, 5), Piece("C", 6, 9, Fraction(5))]),
    ("A>B@3*2 B>C@6*5", "A", [Piece("A", 0, 2), Piece("B", 3, 5, Fraction(2)), Piece("C", 6, 9, Fraction(10))]),
    ("A>B@2 B>C@4 C>D@6 D>E@8", "E", [Piece(ticker, at * 2, at * 2 + 1) for at, ticker in enumerate("ABCDE")]),
    ("A>B@2 C>D@4", "B", [Piece("A", 0, 1), Piece("B", 2, 9)]),
    ("A>B@2 C>D@4", "D", [Piece("C", 0, 3), Piece("D", 4, 9)]),
    # a name that comes back
    ("A>B@3 B>A@6", "A", [Piece("A", 0, 2), Piece("B", 3, 5), Piece("A", 6, 9)]),
    ("A>B@3 B>A@6", "B", [Piece("A", 0, 2), Piece("B", 3, 5), Piece("A", 6, 9)]),
    ("A>B@3*4 B>A@6*1/4", "A", [Piece("A", 0, 2), Piece("B", 3, 5, Fraction(4)), Piece("A", 6, 9)]),
    # another asset had the name before: not a candle of it
    ("B>A@5", "A", [Piece("B", 0, 4), Piece("A", 5, 9)]),
    ("A>B@3 C>A@5", "A", [Piece("C", 0, 4), Piece("A", 5, 9)]),
    ("A>B@3 C>A@5", "B", [Piece("A", 0, 2), Piece("B", 3, 9)]),
    ("A>B@5 C>A@5", "A", [Piece("C", 0, 4), Piece("A", 5, 9)]),
    ("A>B@5 C>A@5", "B", [Piece("A", 0, 4), Piece("B", 5, 9)]),
    ("A>B@5 B>A@5", "A", [Piece("B", 0, 4), Piece("A", 5, 9)]),
    # a ticker that is given to another asset: before and after are never joined
    ("A!5", "A", [Piece("A", 5, 9)]),
    ("A!3 A!6", "A", [Piece("A", 6, 9)]),
    ("A!5", "B", [Piece("B", 0, 9)]),
    ("A>B@5 A!5", "A", [Piece("A", 5, 9)]),
    ("A>B@5 A!5", "B", [Piece("A", 0, 4), Piece("B", 5, 9)]),
    ("A>B@5 A!7", "A", [Piece("A", 7, 9)]),
    ("A>B@5 A!7", "B", [Piece("A", 0, 4), Piece("B", 5, 9)]),
    ("A!3 A>B@6", "B", [Piece("A", 3, 5), Piece("B", 6, 9)]),
    ("A>B@3 B!6", "B", [Piece("B", 6, 9)]),
    ("A>B@3 B!6", "A", [Piece("A", 0, 2), Piece("B", 3, 5)]),
    ("A>B@3 B!6 B>C@8", "C", [Piece("B", 6, 7), Piece("C", 8, 9)]),
    # another unit under the same name
    ("A>A@5*1000", "A", [Piece("A", 0, 4, Fraction(1, 1000)), Piece("A", 5, 9)]),
    ("A>A@3*10 A>A@6*10", "A", [Piece("A", 0, 2, Fraction(1, 100)), Piece("A", 3, 5, TENTH), Piece("A", 6, 9)]),
    ("A>A@3*10 A>B@6", "B", [Piece("A", 0, 2, Fraction(1, 10)), Piece("A", 3, 5), Piece("B", 6, 9)]),
    # distinct assets, which nothing joins
    ("A|B", "A", [Piece("A", 0, 9)]),
    ("A|B A>C@5", "B", [Piece("B", 0, 9)]),
]  # fmt: skip


@pytest.mark.parametrize(("table", "asked", "pieces"), CASES, ids=[f"{t} as {a}" for t, a, _ in CASES])
def test_a_series_over_renames_is_exactly_what_the_facts_say(table: str, asked: str, pieces: list[Piece]) -> None:
    assert joined(facts(table), Stored(EVERYTHING), asked) == rows(pieces, EVERYTHING)


def test_there_are_at_least_forty_cases() -> None:
    assert len({(table, asked) for table, asked, _ in CASES}) >= 40


@pytest.mark.parametrize(
    ("market", "last_of_old", "first_of_new"),
    [
        ({"A": range(5), "B": range(5, 10)}, 4, 5),
        ({"A": range(3), "B": range(7, 10)}, 2, 7),  # neither traded meanwhile: nothing is made up
        ({"A": range(8), "B": range(2, 10)}, 4, 5),  # both did: the day of the fact decides
        ({"A": range(10), "B": range(10)}, 4, 5),
    ],
    ids=["one after the other", "a gap between", "overlapping", "both all the time"],
)
def test_where_both_pairs_trade_the_day_of_the_fact_decides(
    market: dict[str, range], last_of_old: int, first_of_new: int
) -> None:
    found = joined(facts("A>B@5"), Stored(market), "B")
    assert max(day for day, origin, _ in found if origin == "A") == last_of_old
    assert min(day for day, origin, _ in found if origin == "B") == first_of_new


def test_what_an_overlap_leaves_out_is_counted() -> None:
    said = reading(facts("A>B@5"), Stored({"A": range(8), "B": range(2, 10)})).joined(Pair("B", "USD"))
    assert [(each.period.pair.base, each.left_out) for each in said] == [("A", 3), ("B", 3)]


def test_what_another_asset_traded_under_a_reused_ticker_is_counted_too() -> None:
    [only] = reading(facts("A!4"), Stored({"A": ALL})).joined(Pair("A", "USD"))
    assert (only.left_out, only.row["start"]) == (4, "1970-01-05T00:00:00Z")


def test_a_window_takes_its_part_of_each_name() -> None:
    found = joined(facts("A>B@5"), Stored(EVERYTHING), "B", TimeRange(3 * DAY, 7 * DAY))
    assert [(day, origin) for day, origin, _ in found] == [(3, "A"), (4, "A"), (5, "B"), (6, "B")]
    assert joined(facts("A>B@5"), Stored(EVERYTHING), "B", TimeRange(20 * DAY, 30 * DAY)) == []


def test_each_quote_is_joined_with_itself_alone() -> None:
    euros = Stored({"A": ALL}, quote="EUR")
    assert joined(facts("A>B@5"), euros, "B") == []


def test_volumes_are_divided_by_the_factor_and_values_of_the_present_unit_are_left_alone() -> None:
    stored = Stored({"A": ALL, "B": ALL})
    read = reading(facts("A>B@5*24000"), stored).candles(
        Pair("B", "USD"), 1440, EVER, fill=False, partial=False, version=None
    )
    old, new = read.filter(pl.col("origin") == "A/USD"), read.filter(pl.col("origin") == "B/USD")
    assert old["factor"].unique().to_list() == [1 / 24_000]
    for column in ("open", "high", "low", "close"):
        assert old[column].to_list() == [price("A", day) * (1 / 24_000) for day in range(5)]
        assert new[column].to_list() == [price("B", day) for day in range(5, 10)]
    assert old["volume"].to_list() == [price("A", day) * 24_000 for day in range(5)]
    assert new["volume"].to_list() == [price("B", day) for day in range(5, 10)]
    assert old["trades"].to_list() == [int(price("A", day)) for day in range(5)]
    turnover = (old["volume"] * old["close"]).to_list()
    assert turnover == pytest.approx([price("A", day) ** 2 for day in range(5)])


def test_an_alias_is_another_name_of_the_pair_that_is_stored() -> None:
    assert joined(facts("B=A"), Stored({"A": ALL}), "B") == rows([Piece("A", 0, 9)], {"A": ALL})


def test_an_alias_never_hides_a_pair_that_is_called_so() -> None:
    both = {"A": ALL, "B": range(3)}
    assert joined(facts("B=A"), Stored(both), "B") == rows([Piece("B", 0, 9)], both)


@pytest.mark.parametrize(
    ("pair", "at", "now"),
    [("A", 2, "B"), ("B", 7, "B"), ("A", 7, "B"), ("B", 2, "B"), ("C", 2, "C")],
)
def test_what_became_of_a_pair_is_its_last_name(pair: str, at: int, now: str) -> None:
    assert facts("A>B@5").periods(Pair(pair, "USD"), at * DAY)[-1].pair == Pair(now, "USD")


def test_what_became_of_the_asset_that_had_a_reused_name_is_its_own() -> None:
    identities = facts("A>B@5 A!7")
    assert [each.pair.base for each in identities.periods(Pair("A", "USD"), 2 * DAY)] == ["A", "B"]
    assert [each.pair.base for each in identities.periods(Pair("A", "USD"), 8 * DAY)] == ["A"]


@pytest.mark.parametrize("minutes", [1, 5, 15, 30, 60, 240, 720, 1440])
def test_no_interval_of_the_archives_has_a_slot_in_two_names(minutes: int) -> None:
    [old, new] = facts("A>B@5").periods(Pair("B", "USD"))
    assert old.end == new.start
    assert old.end % (minutes * 60) == 0


def test_what_cannot_be_read_is_refused_as_without_renames() -> None:
    with pytest.raises(UsageError, match="partial is for resampled"):
        reading(facts("A>B@5"), Stored(EVERYTHING)).candles(
            Pair("B", "USD"), 1440, EVER, fill=False, partial=True, version=None
        )
