"""What was known at an instant stays to be read, whatever is ingested, undone, merged or deleted afterwards."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kraken_core.domain.errors import IncompleteError, JobError, StoreError, UsageError
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import iso
from kraken_core.ledger.engine import open_engine, writing
from kraken_core.ledger.schema import alembic_config
from kraken_core.pipeline.rename import move_candles
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release
from kraken_core.stores.delta.log import DeltaLog
from kraken_core.workbench.health.recovery import Recovery
from tests.acceptance.killed_jobs import Job, make_job, run
from tests.acceptance.known_histories import HOUR_S, KnownHistory, SetClock, everything, opened
from tests.acceptance.oracle import Oracle
from tests.support.helping import folder, written
from tests.support.pocket_exchange import PocketExchange
from tests.support.strategies import FIRST_DAY, RATES, markets, releases

whole_jobs = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
KINDS = ["ingest", "ingest", "ask", "undo", "verify", "limit", "compact", "vacuum"]
STEP = st.tuples(st.sampled_from(KINDS), st.integers(0, 30), st.sets(st.integers(0, 30), max_size=2))


@st.composite
def vintages(draw: st.DrawFn, market: SimulatedMarket) -> list[Release]:
    """Releases of a market, some of which say something else than others: volumes, or highs, are off in them."""
    drawn = draw(releases(market))
    files = Oracle(market, drawn).files
    made = [release for number, release in enumerate(drawn) if any(of == number for of, _ in files)]
    return [replace(release, volume_error=draw(st.sampled_from([0.0, 0.0, 0.002]))) for release in made]


def check(data: st.DataObject, market: SimulatedMarket) -> None:
    made = data.draw(vintages(market))
    steps = data.draw(st.lists(STEP, min_size=2, max_size=6))
    with folder() as here:
        exchange = PocketExchange(market)
        history = KnownHistory(here / "home", exchange, written(market, made, here / "archives"), FIRST_DAY)
        history.clock.at = market.end
        with opened(history.home, history.clock) as workbench:
            workbench.create_home()
        for step, number, between in steps:
            if made or step != "ingest":
                history.do(step, number, between=between)
        history.check()


@given(data=st.data(), market=markets(RATES[1:]))
@settings(whole_jobs, max_examples=2)
def test_what_was_known_after_each_job_is_read_again_to_the_bit(data: st.DataObject, market: SimulatedMarket) -> None:
    check(data, market)


@pytest.mark.soak
@given(data=st.data(), market=markets())
@settings(whole_jobs, max_examples=1000)
def test_what_was_known_is_read_again_after_a_thousand_histories(data: st.DataObject, market: SimulatedMarket) -> None:
    check(data, market)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Three archives of some days, of two vintages."""
    whole = make_job(tmp_path_factory.mktemp("archives"))
    return replace(whole, sources=whole.sources[:3])


@pytest.fixture(scope="module")
def begun(job: Job, tmp_path_factory: pytest.TempPathFactory) -> KnownHistory:
    """A home that holds the first archive, by a clock of long ago. Read only: each test has a copy."""
    home = tmp_path_factory.mktemp("known") / "home"
    found = KnownHistory(home, PocketExchange(job.market), job.sources, FIRST_DAY, SetClock(job.market.end))
    found.do("ingest", 0)
    return found


@pytest.fixture
def history(begun: KnownHistory, tmp_path: Path) -> KnownHistory:
    home = shutil.copytree(begun.home, tmp_path / "home")
    return replace(begun, home=home, clock=SetClock(begun.clock.at), said=list(begun.said))


KILLED = [
    ("table.commit.before", 1),
    *(
        pytest.param(*point, marks=pytest.mark.soak)
        for point in [("table.commit.after", 1), ("ledger.commit.before", 4), ("ledger.commit.after", 5)]
    ),
]


@pytest.mark.parametrize(("name", "visit"), KILLED)
@pytest.mark.soak
def test_a_job_killed_before_or_after_its_commits_changes_nothing_of_what_was_known(
    name: str, visit: int, job: Job, history: KnownHistory
) -> None:
    killed = run(job, history.home, f"{name}:{visit}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    history.clock.at = int(time.time())
    history.check()

    again = run(job, history.home)

    assert again.returncode == 0, again.stderr
    history.clock.at = int(time.time())
    history.check()


def test_before_a_home_began_nothing_was_known(history: KnownHistory) -> None:
    with opened(history.home, history.clock) as workbench:
        before = everything(workbench, as_known_at=history.clock.at - 1)
    assert not any(any(said.values()) if isinstance(said, dict) else said for said in before.values())


def test_what_will_be_known_is_not_known_yet(history: KnownHistory) -> None:
    later = history.clock.at + 1
    with opened(history.home, history.clock) as workbench, pytest.raises(UsageError, match="is not known yet"):
        workbench.coverage(as_known_at=later)


def test_a_version_and_an_instant_are_not_both_named(history: KnownHistory) -> None:
    with (
        opened(history.home, history.clock) as workbench,
        pytest.raises(UsageError, match="leave the version, or the certificate, out"),
    ):
        workbench.candles("BTC/USD", 60, version=1, as_known_at=history.clock.at)


def test_completeness_is_required_of_what_was_known(history: KnownHistory) -> None:
    day = (FIRST_DAY.isoformat(), (FIRST_DAY + timedelta(days=1)).isoformat())
    at = history.clock.at
    history.do("undo")
    with opened(history.home, history.clock) as workbench:
        known = workbench.candles("BTC/USD", 60, *day, as_known_at=at, require_complete=True)
        with pytest.raises(IncompleteError):
            workbench.candles("BTC/USD", 60, *day, require_complete=True)
    assert len(known) > 0


def test_candles_of_other_intervals_are_made_of_what_was_known(history: KnownHistory) -> None:
    with opened(history.home, history.clock) as workbench:
        before = workbench.candles("BTC/USD", "2h")
    at = history.clock.at
    history.do("ingest", 2)
    with opened(history.home, history.clock) as workbench:
        assert workbench.candles("BTC/USD", "2h", as_known_at=at).equals(before)
        assert not workbench.candles("BTC/USD", "2h").equals(before)


def test_exported_files_are_those_of_what_was_known(history: KnownHistory, tmp_path: Path) -> None:
    def files(folder: Path, at: int | None = None) -> dict[str, bytes]:
        with opened(history.home, history.clock) as workbench:
            workbench.export(folder, workbench.select(), kind="csv", as_known_at=at)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    before, at = files(tmp_path / "before"), history.clock.at
    history.do("ingest", 2)
    assert files(tmp_path / "again", at) == before
    assert files(tmp_path / "now") != before


NOT_KEPT = {"jobs", "stages", "verifications", "files", "pairs", "assets", "listings"}


def test_views_that_are_not_kept_as_they_were_are_refused_by_name(history: KnownHistory) -> None:
    queries = ("SELECT * FROM {}", "describe {}", "SELECT * FROM gaps JOIN {} USING (pair)")
    with opened(history.home, history.clock) as workbench:
        for view, query in product(sorted(NOT_KEPT), queries):
            refused = f"^the view {view} is not kept as it was: as known at an instant there are candles, cov[^\n]*$"
            with pytest.raises(UsageError, match=refused):
                workbench.sql(query.format(view.upper()), as_known_at=history.clock.at)


def test_all_views_of_an_instant_are_offered_to_one_query(history: KnownHistory) -> None:
    joined = "SELECT count(*) AS n FROM gaps JOIN coverage USING (pair, interval_minutes) JOIN silences USING (pair)"
    joined += " WHERE status <> 'FILLED'"
    with opened(history.home, history.clock) as workbench:
        before = workbench.sql(joined)["n"].item()
        shown = set(workbench.sql("show tables", as_known_at=history.clock.at)["name"])
    at = history.clock.at
    history.do("undo")
    with opened(history.home, history.clock) as workbench:
        assert workbench.sql(joined, as_known_at=at)["n"].item() == before > 0
        assert workbench.sql(joined)["n"].item() == 0
    assert {"candles", "coverage", "differences", "gaps"} <= shown
    assert not shown & NOT_KEPT


def test_complete_candles_go_by_what_was_known_to_be_complete(history: KnownHistory) -> None:
    day = f"'{FIRST_DAY}', '{FIRST_DAY + timedelta(days=1)}'"
    query, at = f"SELECT count(*) AS n FROM complete_candles('BTC/USD', 60, {day})", history.clock.at
    with opened(history.home, history.clock) as workbench:
        before = workbench.sql(query)["n"].item()
    history.do("undo")
    with opened(history.home, history.clock) as workbench:
        assert workbench.sql(query, as_known_at=at)["n"].item() == before > 0
        with pytest.raises(IncompleteError):
            workbench.sql(query)


def test_a_candle_that_was_replaced_is_listed_with_what_it_was_and_by_which_job(history: KnownHistory) -> None:
    with opened(history.home, history.clock) as workbench:
        before = workbench.candles("BTC/USD", 60)
        assert len(workbench.revisions("BTC/USD", 60)) == 0
    history.do("ingest", 2)  # another vintage, of other volumes
    with opened(history.home, history.clock) as workbench:
        found, now = workbench.revisions("BTC/USD", 60), workbench.candles("BTC/USD", 60)
        changed = [at for at in before.index if before.loc[at, "volume"] != now.loc[at, "volume"]]
        assert changed
        assert list(found["time"]) == changed
        assert list(found["volume"]) == list(before.loc[changed, "volume"])
        assert set(found["job_id"]) == {workbench.jobs()[0].id}
        assert set(found["replaced_at"].map(lambda at: int(at.timestamp()))) == {history.clock.at}
        assert len(workbench.revisions("BTC/USD", 60, changed[0], changed[1])) == 1


def test_what_a_commit_that_failed_would_have_replaced_is_no_revision(
    history: KnownHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(DeltaLog, "commit", full)
        with pytest.raises(JobError, match="no space left"):
            history.do("ingest", 2)  # another vintage, of other volumes
    with opened(history.home, history.clock) as workbench:
        kept = workbench.ledger.revisions(workbench.store.mark, Series(Pair("BTC", "USD"), 60))
        assert kept[-1].replaced.before.height
        assert workbench.revisions("BTC/USD", 60).empty

    history.do("ingest", 2)

    with opened(history.home, history.clock) as workbench:
        listed = workbench.revisions("BTC/USD", 60)
        assert len(listed) == listed["time"].nunique() > 0
        assert set(listed["replaced_at"].map(lambda at: int(at.timestamp()))) == {history.clock.at}


def test_candles_of_an_undone_job_are_revisions_too(history: KnownHistory) -> None:
    with opened(history.home, history.clock) as workbench:
        stored = workbench.candles("ADA/USD", 60)
    history.do("undo")
    with opened(history.home, history.clock) as workbench:
        assert list(workbench.revisions("ADA/USD", 60)["close"]) == list(stored["close"])


def test_where_candles_were_lost_what_was_known_before_is_not_pretended(history: KnownHistory) -> None:
    at = history.clock.at
    for file in (history.home / "candles").glob("interval_minutes=60/*.parquet"):
        file.unlink()
    history.clock.at += HOUR_S
    with opened(history.home, history.clock) as workbench:
        list(Recovery(workbench).run())
        with pytest.raises(UsageError, match=rf"what was known is kept from {iso(history.clock.at)} on"):
            workbench.candles("BTC/USD", 60, as_known_at=at)
        assert len(workbench.coverage(as_known_at=history.clock.at)) > 0


def test_of_a_home_of_an_earlier_version_what_was_known_before_is_not_pretended(history: KnownHistory) -> None:
    engine = open_engine(f"sqlite:///{history.home / 'ledger.db'}")
    earlier = ScriptDirectory("kraken_core/ledger/migrations").get_revision("0020").down_revision
    with writing(engine) as connection:
        command.downgrade(alembic_config(connection), str(earlier))
    engine.dispose()
    history.clock.at, at = int(time.time()) + HOUR_S, history.clock.at
    with opened(history.home, history.clock) as workbench:
        for read in (
            workbench.coverage,
            partial(workbench.candles, "BTC/USD", 60),
            partial(workbench.sql, "SHOW TABLES"),
        ):
            with pytest.raises(UsageError, match=r"what was known is kept from 20\S+ on"):
                read(as_known_at=at)
        before = everything(workbench)
        assert everything(workbench, as_known_at=history.clock.at) == before


def test_a_table_of_which_nothing_was_kept_is_not_taken_for_an_empty_one(history: KnownHistory) -> None:
    with closing(sqlite3.connect(history.home / "ledger.db")) as ledger, ledger:
        ledger.execute("DELETE FROM candle_revision")
    at = history.clock.at
    with opened(history.home, history.clock) as workbench, pytest.raises(UsageError, match="from the next job on"):
        workbench.candles("BTC/USD", 60, as_known_at=at)
    history.do("ingest", 2)
    with opened(history.home, history.clock) as workbench:
        with pytest.raises(UsageError, match=f"from {iso(history.clock.at)} on"):
            workbench.candles("BTC/USD", 60, as_known_at=history.clock.at - 1)
        assert len(workbench.candles("BTC/USD", 60, as_known_at=history.clock.at)) > 0


def test_a_pair_that_was_renamed_was_known_by_its_old_name(history: KnownHistory) -> None:
    with opened(history.home, history.clock) as workbench:
        before = everything(workbench)
        at = history.clock.at
    history.clock.at += HOUR_S
    new = Pair("ADA2", "USD")
    with opened(history.home, history.clock) as workbench:
        old = Pair("ADA", "USD")
        move_candles(workbench.store, old, new)
        workbench.ledger.rename_pairs({old: new})
        again = workbench.candles(old, 60, as_known_at=at)
        assert len(again) == len(before["candles"]["ADA/USD", 60])
        assert len(workbench.candles(old, 60)) == 0
        assert set(workbench.coverage(as_known_at=at)["pair"]) == {"ADA/USD", "BTC/USD"}
