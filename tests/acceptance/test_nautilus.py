"""Candles as NautilusTrader's own loader reads them: by a Python that has it, named in NAUTILUS_PYTHON, or skipped."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import IncompleteError, UsageError
from kraken_core.workbench.queries.nautilus import PYTHON
from tests.support.command_line import Kraken, refused

PAIRS, INTERVALS = ["BTC/USD", "PEPE/USD"], [60, 720]
CHOSEN = {"pairs": PAIRS, "intervals": INTERVALS}
# Prints what the library's own loader makes of a folder: python -c … FOLDER
LOADER = """
import json, sys
from nautilus_trader.persistence.catalog import ParquetDataCatalog
catalog, found = ParquetDataCatalog(sys.argv[1]), {}
for bar in catalog.bars():
    values = [float(str(getattr(bar, name))) for name in ("open", "high", "low", "close", "volume")]
    found.setdefault(str(bar.bar_type), []).append([bar.ts_event, bar.ts_init, *values])
print(json.dumps({"pairs": sorted(str(each.id) for each in catalog.instruments()), "bars": found}))
"""
nautilus = pytest.mark.skipif(PYTHON not in os.environ, reason=f"{PYTHON} names no Python with nautilus_trader")


def loaded(folder: Path) -> dict[str, Any]:
    command = [os.environ[PYTHON], "-I", "-c", LOADER, str(folder)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


@nautilus
def test_nautilus_own_loader_reads_the_bars_and_instruments(full_home: Path, tmp_path: Path) -> None:
    with Workbench.open(full_home) as workbench:
        files = workbench.export(tmp_path / "catalog", workbench.select(**CHOSEN), kind="nautilus")
        stored = {(pair, i): workbench.candles(pair, i) for pair in PAIRS for i in INTERVALS}
    found = loaded(tmp_path / "catalog")
    assert found["pairs"] == ["BTC/USD.KRAKEN", "PEPE/USD.KRAKEN"]
    assert sum(file.candles for file in files) == sum(map(len, found["bars"].values()))
    assert all(file.path.is_dir() for file in files)
    assert [path.name for path in tmp_path.iterdir()] == ["catalog"]
    for (pair, interval), candles in stored.items():
        events, inits, *prices, volumes = zip(
            *found["bars"][f"{pair}.KRAKEN-{interval // 60}-HOUR-LAST-EXTERNAL"], strict=True
        )
        assert events == inits == tuple(int(at.timestamp() + interval * 60) * 10**9 for at in candles.index)
        for name, values in zip(("open", "high", "low", "close"), prices, strict=True):
            assert values == tuple(candles[name])
        assert volumes == pytest.approx(tuple(candles["volume"]), abs=1e-8)


@nautilus
def test_fills_are_bars_without_volume(full_home: Path, tmp_path: Path) -> None:
    with Workbench.open(full_home) as workbench:
        chosen = workbench.select(pairs=["PEPE/USD"], intervals=[60])
        [file] = workbench.export(tmp_path / "catalog", chosen, kind="nautilus", fill="previous")
    [bars] = loaded(tmp_path / "catalog")["bars"].values()
    assert sum(volume == 0 for *_, volume in bars) == file.filled > 0


def test_an_incomplete_range_becomes_no_catalog(full_home: Path, tmp_path: Path) -> None:
    with Workbench.open(full_home) as workbench, pytest.raises(IncompleteError):
        workbench.export(tmp_path / "catalog", workbench.select(**CHOSEN), kind="nautilus", require_complete=True)
    assert not list(tmp_path.iterdir())


def test_another_folder_is_never_written_over(full_home: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("my own", encoding="utf-8")
    with Workbench.open(full_home) as workbench:
        for folder, overwrite in ((tmp_path, False), (tmp_path / "new", True)):
            with pytest.raises(UsageError, match="a catalog is written to a new folder"):
                workbench.export(folder, workbench.select(**CHOSEN), kind="nautilus", overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_without_a_python_that_has_the_library_it_says_what_to_install(
    full: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--pairs", "BTC/USD", "--intervals", "60", "--to", tmp_path / "out", "--format", "nautilus")
    monkeypatch.delenv(PYTHON, raising=False)
    assert f"name that one's Python in {PYTHON}" in refused(full("export", *words, code=2))
    for python, reason in (("/no/python", "No such file"), ("/bin/false", "could not write the catalog")):
        monkeypatch.setenv(PYTHON, python)
        assert reason in refused(full("export", *words, code=2))
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_a_catalog_joins_no_names(full_home: Path, tmp_path: Path) -> None:
    with Workbench.open(full_home) as workbench, pytest.raises(UsageError, match="no columns for whose candle"):
        workbench.export(tmp_path / "out", workbench.select(), kind="nautilus", follow_renames=True)
