"""A kind of candle table that this project does not have: its class, a line in KINDS, and everything works on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.table_mark import KnownTable
from kraken_core.ports import CandleTable, KeepReplaced, StoreState
from kraken_core.ports.stores import Assets
from kraken_core.settings import Settings
from kraken_core.stores.delta.store import DeltaStore
from kraken_core.stores.kinds import KINDS
from kraken_core.workbench.health.doctor import Status, examine
from tests.support.little_market import LittleMarket

SCHEME = "toy://"


@dataclass(frozen=True)
class ToyKind:
    """Tables in a folder that only it knows, by names."""

    folder: Path
    example: str = "toy://name"
    local: bool = False
    staged_here: bool = False

    def address(self, text: str) -> str | None:
        return text if text.startswith(SCHEME) else None

    def name(self, address: str, folder: Path) -> str:
        return address

    def open(
        self, address: str, folder: Path, assets: Assets, known: KnownTable, keep: KeepReplaced | None = None
    ) -> CandleTable:
        return DeltaStore(self.folder / address.removeprefix(SCHEME), known=known, keep=keep)

    def state(self, address: str, folder: Path, known: KnownTable) -> StoreState:
        return StoreState(f"{address} is a toy", improvable=True)


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[Path]:
    kind = ToyKind(tmp_path / "toys")
    KINDS.append(kind)
    yield kind.folder
    KINDS.remove(kind)


def test_a_new_kind_of_store_works_from_ingest_to_doctor(
    toys: Path, tmp_path: Path, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_STORE", "toy://mine")
    home = tmp_path / "home"
    request = {"tier": "ALL", "start_date": "2024-01-01", "as_of": "2024-04-07", "api_backfill": False}
    with Workbench.open(home) as wb:
        job = wb.run(wb.plan(sources=[little.first], **request))
        assert job.records_ingested == wb.sql("SELECT count(*) AS n FROM candles")["n"][0] > 0
        assert not any(each.different for each in wb.copy("toy://yours", pairs=["BTC/USD"]))
        assert wb.verify().ok
        assert wb.undo(job.id).undone_at
    assert sorted(path.name for path in toys.iterdir()) == ["mine", "yours"]
    assert not (home / "candles").exists()
    found = {check.name: check for check in examine(home).checks}
    assert (found["table"].status, found["table"].message) == (Status.WARNING, "toy://mine is a toy")


def test_a_wrong_address_names_every_kind(toys: Path, tmp_path: Path) -> None:
    assert toys.name == "toys"
    with pytest.raises(Exception, match=r"a folder, s3://bucket/prefix, questdb://\S+, or toy://name"):
        Settings.load(tmp_path, {"KRAKEN_STORE": "ftp://somewhere"})
