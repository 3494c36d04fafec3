"""The ledger's migrations lead to what the models say, step by step and back; and what is opened is what fits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from kraken_core.domain.errors import HomeError, LedgerError, SettingError
from kraken_core.domain.jobs import JobMetrics
from kraken_core.domain.request import Request
from kraken_core.ledger.engine import open_engine, reading, writing
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ledger.models import REVISION, metadata
from kraken_core.ledger.schema import alembic_config, bring_up_to_date, revision_of

pytest_plugins = ["tests.support.servers"]

REVISIONS = [script.revision for script in ScriptDirectory("kraken_core/ledger/migrations").walk_revisions()][::-1]


class Standstill:
    """A clock that nobody asks."""

    def now(self) -> int:
        return 0


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_engine(database)
    yield engine
    engine.dispose()


def rules(connection: Connection) -> set[tuple[str, str, str]]:
    """What alembic does not compare: the checks, which rows an index is about, and what guards writes."""
    tables = inspect(connection)
    checks = {
        (table, str(check["name"]), str(check["sqltext"]))
        for table in metadata.tables
        for check in tables.get_check_constraints(table)
    }
    conditions = {
        (table, str(index["name"]), str(condition))
        for table in metadata.tables
        for index in tables.get_indexes(table)
        for condition in index.get("dialect_options", {}).values()
    }
    return checks | conditions | guards(connection)


def guards(connection: Connection) -> set[tuple[str, str, str]]:
    """The triggers, each with what it does."""
    if connection.dialect.name == "sqlite":
        query = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = """
            SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(t.oid) || prosrc
            FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = tgfoid
            JOIN pg_class AS c ON c.oid = tgrelid
            WHERE NOT tgisinternal AND c.relnamespace = current_schema::regnamespace
        """
    return {(str(table), str(name), str(does)) for table, name, does in connection.execute(text(query))}


def test_the_newest_migration_is_the_one_the_models_name() -> None:
    assert REVISIONS[-1] == REVISION


def test_migrations_end_at_the_models(engine: Engine) -> None:
    with writing(engine) as connection:
        command.upgrade(alembic_config(connection), "head")

        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_new_ledger_has_the_checks_partial_indexes_and_guards_that_migrations_make(engine: Engine) -> None:
    with writing(engine) as connection:
        command.upgrade(alembic_config(connection), "head")
        migrated = rules(connection)
        command.downgrade(alembic_config(connection), "base")
    bring_up_to_date(engine)

    with reading(engine) as connection:
        assert rules(connection) == migrated
        assert revision_of(connection) == REVISION
    assert {("ingestion_job", "uq_ingestion_job_running"), ("data_coverage_range", "data_coverage_range_once")} <= {
        rule[:2] for rule in migrated
    }


def test_a_table_of_somebody_else_is_not_taken_over(engine: Engine, database: str) -> None:
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE asset (note TEXT)"))

    with pytest.raises(LedgerError, match=r"asset.*already exists"):
        SqlLedger.open(database, "candles", Standstill())
    with reading(engine) as connection:
        assert inspect(connection).get_table_names() == ["asset"]


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_step_goes_up_down_and_up_again(engine: Engine, revision: str) -> None:
    with writing(engine) as connection:
        config = alembic_config(connection)
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)

        assert revision_of(connection) == revision


def test_open_gaps_of_old_jobs_are_all_that_they_did_not_fill(engine: Engine, database: str) -> None:
    with closing(SqlLedger.open(database, "candles", Standstill())) as ledger:
        ledger.create_job(
            Request(), 0, [], JobMetrics(gaps_detected=10, gaps_filled=4, gaps_unfillable=3, gaps_failed=1)
        )
    with writing(engine) as connection:
        config = alembic_config(connection)
        command.downgrade(config, "0005")
        connection.execute(text("UPDATE ingestion_job SET gaps_open = 2"))  # as they were counted then
        command.upgrade(config, "0010")

        assert connection.scalar(text("SELECT gaps_open FROM ingestion_job")) == 6


def test_the_first_step_down_leaves_nothing_behind(engine: Engine) -> None:
    bring_up_to_date(engine)
    with writing(engine) as connection:
        command.downgrade(alembic_config(connection), "base")

        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_a_ledger_of_a_newer_version_is_refused_and_left_alone(engine: Engine, database: str) -> None:
    bring_up_to_date(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(HomeError, match=r"newer version.*9999.*Nothing was changed: update"):
        SqlLedger.open(database, "candles", Standstill())
    with reading(engine) as connection:
        assert revision_of(connection) == "9999"


def test_a_ledger_of_an_older_version_is_migrated_after_a_word(
    engine: Engine, database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bring_up_to_date(engine)
    monkeypatch.setattr("kraken_core.ledger.schema.REVISION", "9999")  # as if this program were newer

    SqlLedger.open(database, "candles", Standstill()).close()
    assert f"from revision {REVISION} to 9999" in caplog.text


def test_a_ledger_out_of_reach_is_one_line_without_the_password() -> None:
    address = "postgresql+psycopg://keeper:s3cret@127.0.0.1:1/ledger?password=s3cret"

    with pytest.raises(LedgerError, match=r"127\.0\.0\.1:1.*kraken-history doctor") as told:
        SqlLedger.open(address, "candles", Standstill())
    assert "\n" not in str(told.value)
    assert "s3cret" not in str(told.value)


def test_a_file_that_is_no_ledger_is_named_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_text("these are my notes, not a database " * 100)
    before = file.read_bytes()

    with pytest.raises(LedgerError, match=r"ledger\.db.*not a database"):
        SqlLedger.open(f"sqlite:///{file}", "candles", Standstill())
    assert file.read_bytes() == before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"nowhere/ledger\.db could not be read: unable to open"):
        SqlLedger.open(f"sqlite:///{tmp_path}/nowhere/ledger.db", "candles", Standstill())


@pytest.mark.parametrize("address", ["ledger.db", "mysql://keeper:s3cret@host/ledger", "postgres://x:s3cret@[oops"])
def test_an_address_that_is_none_of_ours_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(SettingError, match=r"'ledger'.*sqlite:///") as told:
        SqlLedger.open(address, "candles", Standstill())
    assert "s3cret" not in str(told.value)
    assert told.value.__cause__ is None


def test_a_ledger_in_memory_serves_every_thread() -> None:
    from concurrent.futures import ThreadPoolExecutor

    ledger = SqlLedger.open("sqlite://", "candles", Standstill())
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda _: ledger.jobs(), range(40))) == [[]] * 40
    ledger.close()
