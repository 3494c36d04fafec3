"""How hard hypothesis looks, whom no test talks to, and the little market and full home that many share.

A change is judged by the same examples wherever and however often it is tested; the long ones (``make soak``) look
for new ones, thousands at a time.
"""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from _pytest.nodeid import NodeId
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, event
from sqlalchemy.util import LRUCache

pytest.register_assert_rewrite("tests.support")  # before any of it is imported, in whatever order tests are

from tests.support.command_line import shared  # noqa: E402
from tests.support.little_market import LittleMarket, written_to  # noqa: E402
from tests.support.soaking import is_property, pytest_pyfunc_call, pytest_terminal_summary  # noqa: E402, F401 - hooks

# No deadlines: how long an example takes says nothing about what it proves.
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
settings.register_profile(
    "soak", max_examples=3000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)


def pytest_configure(config: pytest.Config) -> None:
    """HYPOTHESIS_PROFILE chooses; else the long tests (-m soak) look long, and all others a little."""
    soaking = config.getoption("markexpr") == "soak"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "soak" if soaking else "quick"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One process has all tests that share what takes long to make: a server, or what a module makes once."""
    for item in items:
        if is_property(item):
            item.add_marker("property")
        if isinstance(item, pytest.Function) and (group := _shares(item)):
            item.add_marker(pytest.mark.xdist_group(group))
        if config.getoption("loadgroup", default=False) and (mark := item.get_closest_marker("xdist_group")):
            # xdist 3.8 goes by the end of a test's id, and writes it where pytest 9.2 no longer reads it.
            item._id = NodeId.parse(f"{item.nodeid}@{mark.args[0]}")


def _shares(item: pytest.Function) -> str:
    if item.get_closest_marker("questdb"):
        return "questdb"
    if item.get_closest_marker("xdist_group") or item.get_closest_marker("soak"):
        return ""  # what is long goes to whoever is free
    fixtures = item._fixtureinfo.name2fixturedefs  # pytest shows them nowhere else before they are made
    if "s3" in fixtures:
        return "s3"
    of_module = any(each.scope == "module" for found in fixtures.values() for each in found)
    return item.nodeid.partition("::")[0] if of_module else ""


@pytest.fixture(scope="session", autouse=True)
def _without_the_real_exchange() -> Iterator[None]:
    """No test talks to Kraken, whatever it forgets to set: here nobody knows where that is, however long one waits."""
    find = socket.getaddrinfo

    def find_others(host: Any, *args: Any, **more: Any) -> Any:
        if str(host).endswith("kraken.com"):
            raise socket.gaierror(socket.EAI_NONAME, "tests do not talk to the real exchange")
        return find(host, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", find_others)
        patch.setattr("kraken_core.sources.web.FIRST_PAUSE_S", 0.001)
        yield


@pytest.fixture(scope="session", autouse=True)
def _without_waiting_for_the_disk() -> Iterator[None]:
    """What is written in this process need not outlive a power cut, for which small ingests would wait 200 times."""

    def trust_the_system(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", trust_the_system)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _file: None)
        yield
    event.remove(Engine, "connect", trust_the_system)


class _Compiled(LRUCache[Any, Any]):
    """Statements that were compiled, for whatever engine of SQLite."""

    def get(self, key: Any, default: Any = None) -> Any:
        _dialect, *of_statement = key
        return super().get(tuple(of_statement), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        _dialect, *of_statement = key
        super().__setitem__(tuple(of_statement), value)


@pytest.fixture(scope="session", autouse=True)
def _statements_compiled_once() -> Iterator[None]:
    """Each ledger has an engine of its own, which compiles its statements: here all share what one did."""
    make, compiled = sqlalchemy.create_engine, _Compiled(1_000)

    def make_alike(*arguments: Any, **more: Any) -> Engine:
        engine = make(*arguments, **more)
        engine._compiled_cache = compiled
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kraken_core.ledger.sqlite.create_engine", make_alike)
        yield


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> LittleMarket:
    """A little market, and its archives in a folder."""
    return written_to(tmp_path_factory.mktemp("market") / "archives")


@pytest.fixture(scope="session")
def first_home(little: LittleMarket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home that holds the first release alone. Read only: many tests share it."""
    home = tmp_path_factory.mktemp("first") / "home"
    with shared(home, little.first):
        yield home


@pytest.fixture(scope="session")
def full_home(little: LittleMarket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home that holds the whole market. Read only: many tests share it."""
    home = tmp_path_factory.mktemp("full") / "home"
    with shared(home, little.folder):
        yield home
