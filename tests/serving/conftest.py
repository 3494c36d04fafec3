"""A server of the full home, in this process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from kraken_core import Workbench
from kraken_core.serving.http.application import application
from kraken_core.serving.http.guard import AccessRules
from tests.support.little_market import LittleMarket

URL = "http://127.0.0.1:8600"


@pytest.fixture(scope="session")
def reader(full_home: Path) -> Iterator[Workbench]:
    """The full home, opened only to be read."""
    with Workbench.open(full_home, read_only=True) as workbench:
        yield workbench


@pytest.fixture(scope="session")
def served(reader: Workbench) -> Starlette:
    """The application that answers for it."""
    return application(reader, AccessRules())


@pytest.fixture(scope="session")
def client(served: Starlette) -> Iterator[TestClient]:
    """A program on this machine."""
    with TestClient(served, URL) as opened:
        yield opened


@pytest.fixture
def kraken_home(first_home: Path, tmp_path: Path) -> Path:
    """A home with the first release alone, to be written to."""
    return Path(shutil.copytree(first_home, tmp_path / "home"))


@pytest.fixture(scope="session")
def little_second(little: LittleMarket) -> Path:
    """The release that the home is without."""
    return little.second
