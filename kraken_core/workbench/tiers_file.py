"""The tiers of a home as a text that people edit."""

from __future__ import annotations

from pathlib import Path

from kraken_core.domain.errors import HomeError, SettingError
from kraken_core.domain.tiers import Tiers
from kraken_core.settings import PACKAGED_TIERS, Settings, read_text


def tier_file(settings: Settings) -> Path:
    """Where a home's own tiers are, if it has any."""
    return settings.home / "tiers.toml"


def tiers_text(settings: Settings) -> str:
    """The tiers in force, as TOML; those the package brings where the home has none of its own."""
    own = tier_file(settings)
    return read_text(own if own.exists() else PACKAGED_TIERS)


def checked_tiers(settings: Settings, text: str) -> Tiers:
    """What a text would mean. Raises SettingError where it is wrong."""
    return Tiers.parse(text, tier_file(settings).name)


def save_tiers(settings: Settings, text: str, before: str) -> Tiers:
    """Make the text the home's tiers, at once or not at all; ``before`` is the text that was edited.

    Raises SettingError where the text is wrong, or another was saved meanwhile; HomeError.
    """
    tiers = checked_tiers(settings, text)
    if tiers_text(settings) != before:
        raise SettingError("the tiers were changed elsewhere meanwhile. Nothing was saved: load the page again.")
    settings.create_home()
    file = tier_file(settings)
    fresh = file.with_suffix(".new")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        raise HomeError(f"Cannot write {file}: {error.strerror}. Nothing was saved; fix that first.") from error
    return tiers


def forget_tiers(settings: Settings) -> None:
    """Go back to the tiers that the package brings."""
    tier_file(settings).unlink(missing_ok=True)
