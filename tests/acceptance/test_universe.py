"""The universe as a user sees it: listed, delisted, renamed and restricted pairs, and series over a rename."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import IncompleteError, SettingError, UsageError
from kraken_core.domain.exchange import Listed
from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.domain.timerange import TimeRange, day_start
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from kraken_core.simulator.renaming import SimulatedRename
from tests.support.command_line import Kraken
from tests.support.pocket_exchange import PocketExchange, at_pocket
from tests.support.questdb_server import QuestDB

pytest_plugins = ["tests.support.servers"]

START = day_start(date(2026, 3, 1))
END = START + 20 * DAY_S
SWITCH = START + 10 * DAY_S
BTC, GONE, LATE, STOCK, OLD, NEW = (Pair(base, "USD") for base in ("BTC", "OMG", "PEPE", "AAPLx", "OLDC", "NEWC"))
UNTIL_THE_12TH = TimeRange(START, START + 12 * DAY_S)
MARKET = SimulatedMarket.make(
    5,
    [
        Listing(BTC, 0.05, 97_000, 1, 0.05),
        Listing(GONE, 0.05, 0.3, 4, 60, lives=(UNTIL_THE_12TH,), statuses=((START + 8 * DAY_S, "cancel_only"),)),
        Listing(LATE, 0.05, 1.2e-05, 9, 2e6, 0, lives=(TimeRange(START + 5 * DAY_S, END),)),
        Listing(STOCK, 0.05, 210, 2, 3, tokenized=True),
        Listing(OLD, 0.05, 1_800, 2, 1),
    ],
    START,
    END,
    renames=[SimulatedRename(OLD, NEW, SWITCH, 24_000)],
)  # fmt: skip
ASKED = {"tier": "ALL", "start_date": "2026-03-01", "intervals": [60, 1440], "trades": False}
FACTS = """
[[rename]]
from = "OLDC"
to = "NEWC"
on = 2026-03-11
new_per_old = 24000
certain = false
source = "the simulated market"
seen = 2026-03-20
"""


def looked(home: Path, exchange: PocketExchange, day: float, *sources: Path) -> None:
    """A job of that day, which sees what the exchange lists then."""
    exchange.present = int(START + day * DAY_S)
    with at_pocket(home, exchange) as bench:
        bench.run(bench.plan(sources=sources, **ASKED))


def made(folder: Path) -> Path:
    """A home that looked at the market on four days, then with an archive."""
    home, exchange = folder / "home", PocketExchange(MARKET)
    days = Release("Kraken_OHLCVT_2026Q1.zip", START, START + 19 * DAY_S, manifest=True, intervals=(60, 1440))
    archive = write_release(MARKET, days, folder / "archives")
    for day in (3.5, 9.5, 15.5):
        looked(home, exchange, day)
    looked(home, exchange, 19.5, archive)
    (home / "identities.toml").write_text(FACTS, encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only: several tests share it."""
    return made(tmp_path_factory.mktemp("universe"))


@pytest.fixture
def wb(home: Path) -> Iterator[Workbench]:
    with Workbench.open(home) as bench:
        yield bench


def by_pair(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index("pair")


def test_pairs_that_are_delisted_by_now_are_in_the_universe_of_then(wb: Workbench) -> None:
    assert list(wb.universe("2026-03-03")["pair"]) == ["AAPLx/USD", "BTC/USD", "OLDC/USD", "OMG/USD"]
    assert list(wb.universe("2026-03-15")["pair"]) == ["AAPLx/USD", "BTC/USD", "NEWC/USD", "PEPE/USD"]


def test_each_date_has_its_evidence(wb: Workbench) -> None:
    found = by_pair(wb.universe("2026-03-03"))
    gone = found.loc["OMG/USD"]
    [life] = MARKET.lives(GONE)
    assert gone["listed"] == pd.Timestamp(life.start, unit="s", tz="UTC")
    assert (gone["listed_by"], gone["delisted_by"]) == ("first trade", "last candle")
    assert pd.Timestamp("2026-03-12", tz="UTC") < gone["delisted"] <= pd.Timestamp("2026-03-13", tz="UTC")
    assert gone["gone"] == pd.Timestamp(START + 15.5 * DAY_S, unit="s", tz="UTC")
    assert set(found["evidence"]) == {"candles"}
    for name, last in found["last_candle"].items():
        opens = pd.Series([wb.candles(str(name), each, end="2026-03-03").index.max() for each in INTERVALS])
        assert last == opens.max()


def test_statuses_that_were_seen_are_kept(wb: Workbench) -> None:
    gone = by_pair(wb.universe("2026-03-12")).loc["OMG/USD"]
    assert gone["status"] == "cancel_only"
    assert (
        gone["statuses"] == "online 2026-03-04T12:00:00Z; cancel_only 2026-03-10T12:00:00Z; gone 2026-03-16T12:00:00Z"
    )
    assert by_pair(wb.universe("2026-03-06")).loc["OMG/USD", "status"] == "online"


def test_what_became_of_a_pair_is_said(wb: Workbench) -> None:
    found = by_pair(wb.universe("2026-03-03"))
    assert dict(found["became"]) == {
        "AAPLx/USD": "online",
        "BTC/USD": "online",
        "OLDC/USD": "renamed",
        "OMG/USD": "delisted",
    }
    assert found.loc["OLDC/USD", "now"] == "NEWC/USD"
    assert dict(found["tokenized"]) == {"AAPLx/USD": True, "BTC/USD": False, "OLDC/USD": False, "OMG/USD": False}


def test_a_tier_and_a_quote_narrow_it(wb: Workbench) -> None:
    assert list(wb.universe("2026-03-03", tier="TIER1")["pair"]) == ["BTC/USD"]
    assert wb.universe("2026-03-03", quote="EUR").empty
    assert len(wb.universe("2026-03-03", quote="USD")) == 4


def test_columns_and_their_kinds_are_those_described(wb: Workbench) -> None:
    for at in ("2026-03-03", "2010-01-01"):
        kinds = {name: str(kind) for name, kind in wb.universe(at).dtypes.items()}
        assert kinds["tokenized"] == "bool"
        assert {kinds[name] for name in ("last_candle", "listed", "delisted", "seen", "gone")} == {
            "datetime64[us, UTC]"
        }


def test_the_answers_are_in_sql(wb: Workbench) -> None:
    told = wb.sql("select status, count(*) as n from listings where pair = 'OMG/USD' group by 1 order by 1")
    assert dict(zip(told["status"], told["n"], strict=True)) == {"cancel_only": 1, "gone": 1, "online": 1}


@pytest.mark.questdb
def test_on_questdb_the_universe_and_the_certified_root_are_the_same(
    home: Path, tmp_path: Path, questdb: QuestDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(home: Path) -> tuple[list[pd.DataFrame], str]:
        with Workbench.open(home) as wb:
            universes = [wb.universe(START + day * DAY_S) for day in (-1, 1, 6, 9, 13, 19)]
            return universes, wb.certificates.certify().root

    universes, root = said(home)
    monkeypatch.setenv("KRAKEN_STORE", questdb.url)
    on_questdb, same_root = said(made(tmp_path))
    for found, same in zip(universes, on_questdb, strict=True):
        pd.testing.assert_frame_equal(found, same)
        assert found.attrs["unknown"] == same.attrs["unknown"]
    assert {len(found) for found in universes} == {0, 4, 5}
    assert same_root == root


def test_no_request_is_made_for_it(tmp_path: Path) -> None:
    exchange = PocketExchange(MARKET)
    looked(tmp_path / "home", exchange, 3.5)
    before = exchange.of_kind("AssetPairs")
    assert before == 1
    with at_pocket(tmp_path / "home", exchange) as bench:
        bench.universe("2026-03-03")
    assert exchange.of_kind("AssetPairs") == before


class CutShort(PocketExchange):
    """Its list of pairs comes with an error, and lacks all but one."""

    def listed(self) -> Listed:
        return super().listed()._replace(pairs=super().listed().pairs[:1], whole=False)


def test_a_list_that_was_cut_short_delists_nobody(tmp_path: Path) -> None:
    looked(tmp_path / "home", PocketExchange(MARKET), 3.5)
    looked(tmp_path / "home", CutShort(MARKET), 4.5)
    with Workbench.open(tmp_path / "home") as bench:
        found = by_pair(bench.universe("2026-03-03"))
        assert set(found["became"]) == {"online"}
        assert found["gone"].isna().all()


def test_pairs_nobody_knows_of_are_named_and_not_counted(tmp_path: Path) -> None:
    folder = write_release(
        MARKET, Release("some_days.zip", START + 6 * DAY_S, START + 9 * DAY_S), tmp_path / "archives"
    )
    with Workbench.open(tmp_path / "home") as bench:
        bench.run(bench.plan(sources=[folder], api_backfill=False, as_of=END, **ASKED))
        early = bench.universe("2026-03-02")
        assert early.empty
        assert early.attrs["unknown"] == ["AAPLx/USD", "BTC/USD", "OLDC/USD", "OMG/USD", "PEPE/USD"]
        inside, later = bench.universe("2026-03-08"), bench.universe("2026-03-15")
        assert set(inside["evidence"]) == {"candles"}
        assert set(later["evidence"]) == {"assumed"}
        assert set(later[later["pair"] != "OLDC/USD"]["became"]) == {"unknown"}


# Series over a rename


def test_a_series_goes_on_under_its_new_name_only_when_asked(wb: Workbench) -> None:
    plain = wb.candles("NEWC/USD", 60)
    assert plain.index.min() >= pd.Timestamp("2026-03-11", tz="UTC")
    assert "origin" not in plain.columns
    found = wb.candles("NEWC/USD", 60, follow_renames=True)
    assert found.index.is_unique
    assert found.index.is_monotonic_increasing
    old, new = (found[found["origin"] == str(pair)] for pair in (OLD, NEW))
    assert len(old) + len(new) == len(found)
    assert old.index.max() < pd.Timestamp("2026-03-11", tz="UTC") <= new.index.min()
    pd.testing.assert_frame_equal(new[plain.columns.to_list()], plain)


def test_prices_and_volumes_are_in_the_unit_that_was_asked_for(wb: Workbench) -> None:
    stored = wb.candles("OLDC/USD", 60, end="2026-03-11")
    old = wb.candles("NEWC/USD", 60, end="2026-03-11", follow_renames=True)
    assert set(old["factor"]) == {1 / 24_000}
    assert list(old["close"]) == list(stored["close"] * (1 / 24_000))
    assert list(old["volume"]) == list(stored["volume"] * 24_000)
    forward = wb.candles("OLDC/USD", 60, "2026-03-11", follow_renames=True)
    assert set(forward["factor"]) == {24_000.0}
    around = wb.candles("OLDC/USD", 60, "2026-03-10T12:00:00", "2026-03-11T12:00:00", follow_renames=True)
    assert around["close"].max() / around["close"].min() < 1.2, "no jump of the price where the name changes"


def test_the_frame_says_what_it_is_made_of(wb: Workbench) -> None:
    names = wb.names_of("NEWC/USD")
    assert list(names["pair"]) == ["OLDC/USD", "NEWC/USD"]
    assert names["start"].isna().tolist() == [True, False]
    assert list(names["certain"]) == [True, False]
    assert list(names["left_out"]) == [0, 0]
    assert names["source"][1] == "the simulated market"
    attrs = wb.candles("NEWC/USD", 1440, follow_renames=True).attrs["names"]
    assert [each["pair"] for each in attrs] == ["OLDC/USD", "NEWC/USD"]


def test_it_can_be_had_as_polars_and_arrow_and_filled(wb: Workbench) -> None:
    found = wb.candles("NEWC/USD", 60, follow_renames=True, fill="previous", to="polars")
    assert {"origin", "factor", "filled"} <= set(found.columns)
    assert found["time"].is_sorted()
    assert found["origin"].null_count() == 0
    assert wb.candles("NEWC/USD", 60, follow_renames=True, to="arrow").num_rows > 0


def test_a_wide_slot_over_the_rename_is_in_neither(wb: Workbench) -> None:
    weeks = wb.candles("NEWC/USD", "1w", follow_renames=True, partial=True)
    switch = pd.Timestamp("2026-03-11", tz="UTC")
    assert all(week + pd.Timedelta(weeks=1) <= switch or week >= switch for week in weeks.index)
    assert pd.Timestamp("2026-03-05", tz="UTC") not in weeks.index
    with pytest.raises(IncompleteError, match="the slot that opens at 2026-03-05T00:00:00Z lies across the day"):
        wb.candles("NEWC/USD", "1w", "2026-03-05", "2026-03-19", follow_renames=True, require_complete=True)
    wb.candles("NEWC/USD", "1w", "2026-03-12", "2026-03-19", follow_renames=True, require_complete=True)


def test_an_export_goes_on_under_all_names_as_the_frame_does(wb: Workbench, kraken: Kraken, tmp_path: Path) -> None:
    words = ("--home", wb.settings.home, "--pairs", "NEWC/USD", "--intervals", "1440", "--follow-renames")
    [row] = kraken("export", *words, "--to", tmp_path / "out", "--json").json
    frame = wb.candles(NEW, 1440, follow_renames=True, to="polars")
    written = pl.read_parquet(row["path"])
    assert written.select(frame.columns).equals(frame)
    assert set(written["factor"]) == {1.0, 1 / 24_000}
    assert row["candles"] == frame.height > len(wb.candles(NEW, 1440))
    assert set(written["origin"]) == {str(OLD), str(NEW)}


def test_an_export_over_a_rename_is_asked_to_be_complete_of_every_name(wb: Workbench, tmp_path: Path) -> None:
    days = {"start_date": "2026-03-05", "end_date": "2026-03-15", "intervals": [60]}
    [file] = wb.export(tmp_path / "whole", wb.select(pairs=[NEW], **days), follow_renames=True, require_complete=True)
    assert file.missing == 0
    exchange = PocketExchange(MARKET, int(START + 19.5 * DAY_S))
    with at_pocket(tmp_path / "home", exchange) as bench:
        bench.run(bench.plan(pairs=[NEW], **{**ASKED, "tier": None}))
        (tmp_path / "home" / "identities.toml").write_text(FACTS, encoding="utf-8")
        with pytest.raises(IncompleteError, match="nothing is stored of OLDC/USD"):
            bench.export(tmp_path / "part", bench.select(pairs=[NEW], **days), follow_renames=True, evidence="claimed")
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize("kind", ["csv", "feather"])
def test_files_without_room_for_whose_candle_it_is_join_nothing(wb: Workbench, tmp_path: Path, kind: str) -> None:
    with pytest.raises(UsageError, match=f"{kind} has no columns"):
        wb.export(tmp_path / "out", wb.select(pairs=[NEW]), kind=kind, follow_renames=True)
    assert not (tmp_path / "out").exists()


def test_completeness_is_asked_of_every_name(wb: Workbench, tmp_path: Path) -> None:
    wb.candles("NEWC/USD", 60, "2026-03-05", "2026-03-15", follow_renames=True, require_complete=True)
    exchange = PocketExchange(MARKET, int(START + 19.5 * DAY_S))
    with at_pocket(tmp_path / "home", exchange) as bench:
        bench.run(bench.plan(pairs=["NEWC/USD"], **{**ASKED, "tier": None}))
        (tmp_path / "home" / "identities.toml").write_text(FACTS, encoding="utf-8")
        with pytest.raises(IncompleteError, match="nothing is stored of OLDC/USD"):
            bench.candles("NEWC/USD", 60, "2026-03-05", "2026-03-15", follow_renames=True, require_complete=True)
        assert len(
            bench.candles("NEWC/USD", 60, "2026-03-12", "2026-03-15", follow_renames=True, require_complete=True)
        )


# The command line


def test_the_command_shows_them_and_counts_what_became_of_them(kraken: Kraken, home: Path) -> None:
    said = kraken("universe", "--at", "2026-03-03", "--home", str(home))
    assert "OMG/USD" in said.out
    assert "renamed NEWC/USD" in said.out
    names = "OLDC/USD: OLDC/USD, then NEWC/USD from 2026-03-11 (day uncertain), prices times 24000"
    assert names in said.out
    assert "4 pairs traded then: 2 still listed, 1 renamed, 1 delisted." in said.err


def test_the_command_says_the_same_in_json(kraken: Kraken, home: Path, wb: Workbench) -> None:
    found = kraken("universe", "--at", "2026-03-03", "--json", "--home", str(home)).json
    assert (found["at"], found["unknown"]) == ("2026-03-03T00:00:00Z", [])
    assert [row["pair"] for row in found["pairs"]] == list(wb.universe("2026-03-03")["pair"])
    assert [each["status"] for each in found["pairs"][-1]["statuses"]] == ["online", "cancel_only", "gone"]
    narrowed = kraken("universe", "--at", "2026-03-03", "--json", "--tier", "TIER1", "--home", str(home)).json
    assert [row["pair"] for row in narrowed["pairs"]] == ["BTC/USD"]


def test_a_home_without_anything_says_so(kraken: Kraken) -> None:
    assert "No pair is known to have traded at that date." in kraken("universe", "--at", "2026-03-03").out
    assert not kraken.home.exists()


def test_a_wrong_date_is_one_line(kraken: Kraken) -> None:
    said = kraken("universe", "--at", "yesterday", code=2)
    assert "'yesterday' is not a date or time" in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_a_wrong_table_is_one_line_and_no_traceback(kraken: Kraken) -> None:
    kraken.home.mkdir()
    (kraken.home / "identities.toml").write_text(FACTS.replace("24000", "0"), encoding="utf-8")
    said = kraken("universe", "--at", "2026-03-03", code=2)
    assert "identities.toml: [[rename]] 1: new_per_old is 0; it must be how many" in said.err
    assert len(said.err.strip().splitlines()) == 1
    checks = {check["name"]: check for check in kraken("doctor", "--json", code=1).json["checks"]}
    assert "new_per_old is 0" in checks["settings"]["message"]


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "identities.toml").write_bytes(b"\xff\xfe")
    with Workbench.open(tmp_path) as bench, pytest.raises(SettingError, match="is not UTF-8 text"):
        bench.candles("BTC/USD", 60, follow_renames=True)


def test_what_is_no_quote_is_refused(wb: Workbench) -> None:
    with pytest.raises(UsageError):
        wb.universe("2026-03-03", quote="NOTHING")
