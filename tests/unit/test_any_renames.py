"""Any table of facts joins what the facts say day by day, and nothing else (domain rule 17)."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.identities import AmbiguousError, Identities, Renaming, Reuse
from tests.support.identity_facts import DAY, DAYS, KNOWN, Stored, a_rename, joined, price

TICKERS = "ABCD"
a_day = st.integers(1, DAYS - 1)
a_ratio = st.sampled_from([Fraction(1), Fraction(10), Fraction(1, 24_000), Fraction(3, 7)])
some_renames = st.lists(
    st.builds(a_rename, st.sampled_from(TICKERS), st.sampled_from(TICKERS), a_day, a_ratio), max_size=6
)
some_reuses = st.lists(
    st.builds(lambda ticker, on: Reuse(ticker, on * DAY, KNOWN), st.sampled_from(TICKERS), a_day), max_size=3
)
a_market = st.fixed_dictionaries({ticker: st.frozensets(st.integers(0, DAYS - 1)) for ticker in TICKERS})


def lived_through(identities: Identities, asked: str) -> dict[int, tuple[str, Fraction]]:
    """Day by day: which ticker the asset had that is called ``asked`` last, and what its unit of that day was worth."""
    asset_of: dict[str, int | None] = {ticker: number for number, ticker in enumerate(TICKERS)}
    worth = dict.fromkeys(
        range(len(TICKERS)), Fraction(1)
    )  # units of an asset's first name, by units of its present one
    newest = len(TICKERS)
    course: list[dict[int, tuple[str, Fraction]]] = []
    last = asset_of[asked]
    for day in range(DAYS):
        yesterday = dict(asset_of)
        renamed = [r for r in identities.renamings if r.on == day * DAY]
        asset_of.update({r.old: None for r in renamed})
        for reuse in identities.reuses:
            if reuse.on == day * DAY:
                asset_of[reuse.ticker], newest = newest, newest + 1
                worth[newest - 1] = Fraction(1)
        for r in renamed:
            asset = yesterday[r.old]
            assert asset is not None
            asset_of[r.new] = asset
            worth[asset] *= r.new_per_old
        course.append({asset: (t, worth[asset]) for t, asset in asset_of.items() if asset is not None})
        last = last if asset_of[asked] is None else asset_of[asked]
    assert last is not None
    days = {day: names[last] for day, names in enumerate(course) if last in names}
    unit = next(worth for ticker, worth in reversed(days.values()) if ticker == asked)
    return {day: (ticker, worth / unit) for day, (ticker, worth) in days.items()}


@given(some_renames, some_reuses, a_market, st.sampled_from(TICKERS))
def test_any_table_joins_what_its_facts_say_day_by_day(
    renames: list[Renaming], reuses: list[Reuse], market: dict[str, frozenset[int]], asked: str
) -> None:
    check_any_table(renames, reuses, market, asked)


@pytest.mark.soak
@given(some_renames, some_reuses, a_market, st.sampled_from(TICKERS))
def test_thousands_of_tables_join_what_their_facts_say(
    renames: list[Renaming], reuses: list[Reuse], market: dict[str, frozenset[int]], asked: str
) -> None:
    check_any_table(renames, reuses, market, asked)


def check_any_table(
    renames: list[Renaming], reuses: list[Reuse], market: dict[str, frozenset[int]], asked: str
) -> None:
    """Times are unique and ascend, and every row is the one that the asset's name of that day stands for."""
    kept: Identities = Identities()
    for renaming in renames:  # as many as do not contradict each other
        try:
            kept = Identities((*kept.renamings, renaming), kept.reuses)
        except AmbiguousError:
            continue
    for reuse in reuses:
        if reuse.on in {r.on for r in kept.renamings if r.new == reuse.ticker}:
            continue  # the day brings the ticker another asset anyway
        try:
            kept = Identities(kept.renamings, (*kept.reuses, reuse))
        except AmbiguousError:
            continue
    expected = [
        (day, ticker, price(ticker, day) * float(factor))
        for day, (ticker, factor) in lived_through(kept, asked).items()
        if day in market[ticker]
    ]
    found = joined(kept, Stored(market), asked)
    assert [(day, ticker) for day, ticker, _ in found] == [(day, ticker) for day, ticker, _ in expected]
    assert [close for *_, close in found] == pytest.approx([close for *_, close in expected], rel=1e-14)
