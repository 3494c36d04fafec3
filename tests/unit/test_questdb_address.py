"""Addresses of QuestDB servers, as the setting ``store`` has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_core.domain.errors import SettingError
from kraken_core.settings import Settings
from kraken_core.stores.questdb.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("questdb://db", Address("db")),
        ("questdb://db:9001?pg=8813", Address("db", 9001, 8813)),
        ("questdb://ann:a%40b@db?pg=1", Address("db", pg=1, user="ann", password="a@b")),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["questdb://", "questdb://db:port", "questdb://db?pg=x", "questdb://db?user=ann", "db"]
)
def test_a_wrong_address_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"questdb://host:9000\?pg=8812"):
        parse_address(text)


def test_a_server_is_named_alike_for_everybody_and_without_a_password(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path, {"KRAKEN_STORE": "questdb://ann:secret@db:9000?pg=8812"})
    assert settings.table == "questdb://db:9000?pg=8812"
    assert settings.store_path == tmp_path / "staged"
    assert not any("secret" in shown.value for shown in settings.shown())


def test_a_wrong_store_is_one_line_that_says_what_would_be_right(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="a folder, s3://bucket/prefix, or questdb://host:9000") as refused:
        Settings.load(tmp_path, {"KRAKEN_STORE": "ftp://somewhere"})
    assert "\n" not in str(refused.value)
