"""The Python face: what a notebook gets."""

from __future__ import annotations

import pandas as pd
import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import UsageError
from kraken_core.domain.jobs import JobStatus
from tests.support.command_line import Kraken
from tests.support.little_market import FIRST_DAY, FIRST_HOLE, PRESENT, UNI_USD, LittleMarket

VALUES = ["open", "high", "low", "close", "volume", "trades", "source"]


def test_the_contracts_snippet_works_in_a_home_of_its_own(kraken: Kraken, little: LittleMarket) -> None:
    with Workbench.open() as wb:
        plan = wb.plan(
            tier="TIER1",
            intervals=[60, 1440],
            sources=[little.folder],
            start_date=FIRST_DAY,
            as_of=PRESENT,
            api_backfill=False,
        )
        job = wb.run(plan)
        assert job.status is JobStatus.COMPLETED
        assert wb.jobs()[0].progress_pct == 100
        assert job.records_ingested > 0
        assert wb.settings.home == kraken.home
        counts = wb.sql("select pair, count(*) as n from candles group by 1 order by 1")
        assert list(counts["pair"]) == ["BTC/EUR", "BTC/USD"]
        hours = wb.candles("BTC/USD", 60, "2024-03-28", "2024-03-29")
        assert len(hours) == 24


def test_a_plan_alone_makes_no_home(kraken: Kraken, little: LittleMarket) -> None:
    with Workbench.open() as wb:
        assert wb.plan(tier="ALL", sources=[little.folder], as_of=PRESENT, api_backfill=False).to_ingest
        assert wb.jobs() == []
        assert len(wb.candles("BTC/USD", 60)) == len(wb.coverage()) == len(wb.sql("select * from candles")) == 0
    assert not kraken.home.exists()


def test_a_folder_given_to_the_class_itself_is_answered_with_how_it_is_opened() -> None:
    with pytest.raises(UsageError, match=r"A home is opened with Workbench\.open\('here'\)"):
        Workbench("here")  # type: ignore[arg-type] # as a newcomer would


def test_candles_have_a_utc_index_and_are_what_was_traded(full: Kraken, little: LittleMarket) -> None:
    with Workbench.open(full.home) as wb:
        held = wb.candles("UNI/USD", 1, FIRST_DAY, "2024-03-30")
    truth = little.market.truth(UNI_USD, 1).to_pandas().set_index("time")
    truth = truth[truth.index < pd.Timestamp("2024-03-30", tz="UTC")]
    assert list(held.columns) == VALUES
    assert str(held.index.tz) == "UTC"  # type: ignore[attr-defined]
    assert held.index.name == "time"
    assert str(held["trades"].dtype) == "Int32"
    assert list(held.index) == list(truth.index)
    for name in VALUES[:4]:
        assert list(held[name]) == list(truth[name])


def test_the_end_is_not_included_and_every_spelling_of_a_pair_is_understood(full: Kraken) -> None:
    with Workbench.open(full.home) as wb:
        day = wb.candles("BTC/USD", 60, "2024-03-28", "2024-03-29")
        assert (day.index[0], day.index[-1]) == (
            pd.Timestamp("2024-03-28", tz="UTC"),
            pd.Timestamp("2024-03-28 23:00Z"),
        )
        for name in ("XBT/USD", "XBTUSD", "xxbtzusd"):
            pd.testing.assert_frame_equal(wb.candles(name, 60, "2024-03-28", "2024-03-29"), day)


def test_filling_is_done_only_when_asked_for_flagged_and_never_stored(full: Kraken) -> None:
    with Workbench.open(full.home) as wb:
        plain = wb.candles("UNI/USD", 1)
        version = wb.store.version
        filled = wb.candles("UNI/USD", 1, fill="previous")
        assert "filled" not in plain.columns
        assert list(filled.columns) == [*VALUES, "filled"]
        pd.testing.assert_frame_equal(filled[~filled["filled"]].drop(columns="filled"), plain, check_freq=False)
        made = filled[filled["filled"]]
        assert (len(made), set(made["volume"]), set(made["trades"])) == (len(filled) - len(plain), {0.0}, {0})
        assert len(made) > len(plain)
        before = filled["close"].shift()[filled["filled"]]
        assert all((made[name] == before).all() for name in VALUES[:4])
        hole = [pd.Timestamp(at) for at in FIRST_HOLE]
        assert filled[(filled.index >= hole[0]) & (filled.index < hole[1])].empty  # missing is not silent
        pd.testing.assert_frame_equal(wb.candles("UNI/USD", 1), plain)
        assert wb.store.version == version


@pytest.mark.parametrize(("name", "command"), [("coverage", "coverage"), ("gaps", "gaps"), ("completeness", "report")])
def test_frames_have_the_columns_of_the_documents_and_the_same_rows(full: Kraken, name: str, command: str) -> None:
    documents = full.rows(command, "--pairs", "BTC/EUR,UNI/USD", "--intervals", "60,1440")
    with Workbench.open(full.home) as wb:
        frame = getattr(wb, name)(pairs=["BTC/EUR", "UNI/USD"], intervals=[60, 1440])
        empty = getattr(wb, name)(pairs=["BTC/EUR"], end_date="2001-12-31")
    assert list(frame.columns) == list(documents[0])
    assert len(frame) == len(documents) > 0
    for column in ("start", "end"):
        assert [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in frame[column]] == [row[column] for row in documents]
    assert list(frame["pair"]) == [row["pair"] for row in documents]
    assert (len(empty), list(empty.columns), list(empty.dtypes)) == (0, list(frame.columns), list(frame.dtypes))


def test_jobs_are_newest_first(full: Kraken, little: LittleMarket) -> None:
    with Workbench.open(full.home) as wb:
        wb.run(
            wb.plan(pairs=["BTC/USD"], sources=[little.folder], start_date=FIRST_DAY, as_of=PRESENT, api_backfill=False)
        )
        assert [job.id for job in wb.jobs()] == [2, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"pair": "FOOBAR", "interval": 60},
        {"pair": "BTC/USD", "interval": 0},
        {"pair": "BTC/USD", "interval": 60, "start": "someday"},
        {"pair": "BTC/USD", "interval": 60, "fill": "zero"},
    ],
)
def test_wrong_arguments_are_refused(kraken: Kraken, wrong: dict[str, object]) -> None:
    with Workbench.open() as wb, pytest.raises(UsageError):
        wb.candles(**wrong)  # type: ignore[call-overload]
