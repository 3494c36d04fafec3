"""Real servers for tests, as fixtures: a module that uses them says ``pytest_plugins = ["tests.support.servers"]``."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.databases import new_schema
from tests.support.postgres_server import PostgreSQL
from tests.support.questdb_server import NoServerError, QuestDB
from tests.support.s3_server import S3Server, s3_server


def unavailable(server: str, error: Exception) -> NoReturn:
    """Skip what needs the server; where nobody reads the reasons of skips, fail."""
    reason = f"{server} cannot be had here: {type(error).__name__}: {error}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgreSQL]:
    """A PostgreSQL server that lives as long as this session; a test that kills it starts it again."""
    # Not in pytest's own folder: as root the server runs as another user, for whom that one stays closed.
    folder = Path(tempfile.mkdtemp(prefix="kraken-postgres-"))
    try:
        server = PostgreSQL(folder)
    except Exception as error:  # noqa: BLE001 - whatever it is, it means that there is no server
        shutil.rmtree(folder, ignore_errors=True)
        unavailable("PostgreSQL", error)
    yield server
    server.remove()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: PostgreSQL) -> str:
    """The address of that server."""
    return postgres_server.url


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server of objects that lives as long as this session; the environment says how to reach it."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server, pytest.MonkeyPatch.context() as environment:
        for name, value in server.environment.items():
            environment.setenv(name, value)
        yield server


@pytest.fixture(scope="session")
def questdb_server(request: pytest.FixtureRequest) -> Iterator[QuestDB]:
    """A QuestDB server that lives as long as this session, and rests where no test needs it."""
    folder = Path(tempfile.mkdtemp(prefix="kraken-questdb-"))
    server = QuestDB(folder)
    try:
        server.start()
    except NoServerError as error:
        shutil.rmtree(folder, ignore_errors=True)
        unavailable("QuestDB", error)
    request.session.stash[_QUESTDB] = server
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


_QUESTDB = pytest.StashKey[QuestDB]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """The QuestDB server goes on before its tests."""
    if item.get_closest_marker("questdb") and (server := item.session.stash.get(_QUESTDB, None)):
        server.go_on()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """And it rests behind the last of them that follow each other."""
    goes_on = nextitem and nextitem.get_closest_marker("questdb")
    if not goes_on and item.get_closest_marker("questdb") and (server := item.session.stash.get(_QUESTDB, None)):
        server.rest()


@pytest.fixture
def questdb(questdb_server: QuestDB) -> QuestDB:
    """That server, without a table."""
    questdb_server.wipe()
    return questdb_server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return new_schema(request.getfixturevalue("postgres"))
