"""Facts about names of assets: the packaged ones, and those that somebody wrote (domain rule 17)."""

from __future__ import annotations

from fractions import Fraction

import pytest

from kraken_core.domain.errors import SettingError
from kraken_core.domain.identities import AmbiguousError
from kraken_core.domain.identity_table import parse_identities
from kraken_core.domain.market import Pair
from kraken_core.settings import PACKAGED_IDENTITIES
from tests.support.identity_facts import facts


def test_the_packaged_table_says_for_every_fact_where_it_is_from() -> None:
    known = parse_identities(PACKAGED_IDENTITIES.read_text(encoding="utf-8"), "identities.toml")
    groups = (known.renamings, known.reuses, known.aliases, known.distinct)
    every = [each.fact for group in groups for each in group]
    assert len(every) >= 11
    assert all(fact.source.startswith("https://") and fact.seen >= "2026-01-01" for fact in every)
    renamed = {(r.old, r.new): r.new_per_old for r in known.renamings}
    assert renamed[("MKR", "SKY")] == 24_000
    for old, new in [("MATIC", "POL"), ("EOS", "A"), ("FTM", "S"), ("RNDR", "RENDER")]:
        assert renamed[(old, new)] == 1


@pytest.mark.parametrize(("one", "other"), [("LUNA", "LUNA2"), ("REP", "REPV2"), ("LUNC", "LUNA2")])
def test_assets_that_are_taken_for_one_another_are_not_joined(one: str, other: str) -> None:
    known = parse_identities(PACKAGED_IDENTITIES.read_text(encoding="utf-8"), "identities.toml")
    for ticker in (one, other):
        assert not {one, other} <= {period.pair.base for period in known.periods(Pair(ticker, "USD"))}


def test_luna_of_before_the_collapse_is_in_no_series_of_what_is_called_so_today() -> None:
    known = parse_identities(PACKAGED_IDENTITIES.read_text(encoding="utf-8"), "identities.toml")
    [period] = known.periods(Pair("LUNA", "USD"))
    assert period.start == 1_653_696_000  # 2022-05-28


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("A>C@5 B>C@5", "C is given to two assets"),
        ("A>B@5 A>C@7", "A is renamed twice"),
        ("A>B@5 A>B@5", "B is given to two assets"),
        ("A>A@5*10 A>B@5", "A is renamed twice"),
        ("A>A@5*10 A!5", "A means another asset, or another unit"),
        ("A!5 A!5", "A means another asset, or another unit"),
        ("A>B@5 A|B", "A and B are distinct"),
        ("A>B@3 B>C@5 A|C", "A and C are distinct"),
        ("A>B@5 A=C", "A is an alias of C"),
    ],
)
def test_facts_that_contradict_each_other_are_refused(table: str, told: str) -> None:
    with pytest.raises(AmbiguousError, match=told):
        facts(table)


# A wrong table is one line

FACT = 'certain = true\nsource = "x"\nseen = 2026-11-28\n'
RENAME = f'[[rename]]\nfrom = "A"\nto = "B"\non = 2024-01-01\nnew_per_old = 1\n{FACT}'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rename]\n", "is not valid TOML"),
        ("[[renames]]\n", "'renames' is unknown; allowed are [[rename]]"),
        ("rename = 3\n", "rename is 3; write it as entries"),
        (RENAME + "form = 1\n", "[[rename]] 1: there is no 'form'"),
        (RENAME.replace('"A"', "7"), "from is 7; it must be the code of an asset"),
        (RENAME.replace('from = "A"\n', ""), "from is left out; it must be the code"),
        (RENAME.replace('"B"', '"A"'), "to is 'A'; it must be another asset than from"),
        (RENAME.replace("2024-01-01", '"2024-01-01"'), "on is '2024-01-01'; it must be a day, such as 2024-09-04"),
        (RENAME.replace("2024-01-01", "2024-01-01T10:00:00Z"), "on is 2024-01-01 10:00:00+00:00; it must be a day"),
        (RENAME.replace("2024-01-01", "1969-01-01"), "on is 1969-01-01; it must be a day"),
        (RENAME.replace("new_per_old = 1", "new_per_old = 0"), "new_per_old is 0; it must be how many"),
        (RENAME.replace("new_per_old = 1", "new_per_old = -2"), "new_per_old is -2"),
        (RENAME.replace("new_per_old = 1", "new_per_old = nan"), "new_per_old is NaN"),
        (RENAME.replace("new_per_old = 1", "new_per_old = true"), "new_per_old is True"),
        (RENAME.replace("certain = true", 'certain = "yes"'), "certain is 'yes'; it must be true, or false"),
        (RENAME.replace('source = "x"', 'source = " "'), "source is ' '; it must be the address or the title"),
        (RENAME.replace("seen = 2026-11-28", ""), "seen is left out; it must be the day"),
        (RENAME + "note = 3\n", "note is 3; it must be a text"),
        (RENAME + RENAME.replace("2024", "2025"), "A is renamed twice"),
        (f'[[redenomination]]\nticker = "A"\non = 2024-01-01\nnew_per_old = 1\n{FACT}', "another number than 1"),
        (f'[[distinct]]\ntickers = ["A", "A"]\n{FACT}', "tickers is ['A', 'A']; it must be a list of different"),
        (f'[[alias]]\nname = "A"\nof = "A"\n{FACT}', "of is 'A'; it must be another asset"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_line_that_names_the_entry_its_value_and_what_would_be_right(text: str, told: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_identities(text, "/home/me/identities.toml")
    assert str(caught.value).startswith("/home/me/identities.toml")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("written", "meant"), [("24000", 24_000), ("0.5", Fraction(1, 2)), ("1e3", 1000)])
def test_a_ratio_is_what_is_written_exactly(written: str, meant: Fraction) -> None:
    table = parse_identities(RENAME.replace("new_per_old = 1", f"new_per_old = {written}"), "x")
    assert table.renamings[0].new_per_old == meant


def test_kraken_s_spelling_of_an_asset_is_the_one_we_show() -> None:
    table = parse_identities(RENAME.replace('"A"', '"XBT"').replace('"B"', '"XXDG"'), "x")
    assert (table.renamings[0].old, table.renamings[0].new) == ("BTC", "DOGE")


def test_a_rename_makes_two_names_one_asset_unless_its_unit_changed() -> None:
    known = parse_identities(PACKAGED_IDENTITIES.read_text(encoding="utf-8"), "identities.toml")
    matic, pol, maker, sky = (Pair(base, "USD") for base in ("MATIC", "POL", "MKR", "SKY"))
    assert known.one_asset(matic, pol)
    assert known.one_asset(pol, matic)
    assert not known.one_asset(maker, sky)
    assert not known.one_asset(matic, Pair("POL", "EUR"))
