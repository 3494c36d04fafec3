"""A candle store of each kind, as a fixture."""

from __future__ import annotations

import pytest

from kraken_core.stores.delta.store import DeltaStore
from tests.contract.stored_candles import ON_S3, READING, SENT, Adapter
from tests.support.questdb_tables import questdb_adapter
from tests.support.s3_server import BUCKET


@pytest.fixture(scope="session", params=["delta", ON_S3, READING, SENT])
def adapter(request: pytest.FixtureRequest) -> Adapter:
    if request.param == "delta":
        return DeltaStore
    if request.param == "delta on s3":
        request.getfixturevalue("s3")
        return lambda folder, **more: DeltaStore(f"s3://{BUCKET}{folder}", **more)
    return questdb_adapter(request.getfixturevalue("questdb_server"), reads_files="files" in request.param)
