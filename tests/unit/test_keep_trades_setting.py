"""``keep_trades``: all, none, or some tiers, written as TOML or in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_core.domain.errors import SettingError
from kraken_core.settings import Settings


def shown(home: Path, name: str, **environment: str) -> str:
    settings = Settings.load(home, {f"KRAKEN_{key.upper()}": value for key, value in environment.items()})
    return next(each.value for each in settings.shown() if each.setting == name)


@pytest.mark.parametrize(
    ("toml", "value", "tiers"),
    [
        ("true", "true", ("ALL",)),
        ("false", "false", ()),
        ('["TIER1", "TIER2"]', "TIER1,TIER2", ("TIER1", "TIER2")),
        ("[]", "", ()),
    ],
)
def test_tiers_are_written_alike_in_the_file_and_in_the_environment(
    toml: str, value: str, tiers: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "kraken.toml").write_text(f"keep_trades = {toml}\n")
    assert Settings.load(tmp_path, {}).keep_trades == tiers
    assert Settings.load(tmp_path / "other", {"KRAKEN_KEEP_TRADES": value}).keep_trades == tiers
    assert shown(tmp_path, "keep_trades") == (value or "false")


@pytest.mark.parametrize("toml", ["1.5", "[1]", '["TIER1", ""]', "{}"])
def test_what_names_no_tiers_is_refused_in_one_line(toml: str, tmp_path: Path) -> None:
    (tmp_path / "kraken.toml").write_text(f"keep_trades = {toml}\n")
    with pytest.raises(SettingError, match=r"keep_trades is .*; it must be true, false, or a list of tiers") as refused:
        Settings.load(tmp_path, {})
    assert "\n" not in str(refused.value)


def test_the_table_of_trades_is_in_the_home_or_where_it_is_named(tmp_path: Path) -> None:
    assert shown(tmp_path, "trades_store") == str(tmp_path / "trades")
    assert shown(tmp_path, "trades_store", trades_store="/data/trades") == "/data/trades"
    assert shown(tmp_path, "trades_store", trades_store="s3://bucket/trades") == "s3://bucket/trades"
    with pytest.raises(SettingError, match=r"a folder, or s3://bucket/prefix"):
        Settings.load(tmp_path, {"KRAKEN_TRADES_STORE": "questdb://host:9000?pg=8812"})
