"""Where a page links to for an archive: only addresses that are in the settings, or Kraken's own page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.archives import archives_covering, full_name, quarter_bounds
from kraken_core.settings import Settings
from kraken_core.workbench.archive_choices import DOWNLOADS, download_address

SETTINGS = replace(Settings.load(), archives_url="https://assets.example/archives")


def test_the_release_of_a_quarter_has_an_address_of_its_own() -> None:
    start, end = quarter_bounds(2025, 3)
    [release] = archives_covering(start, end, end)
    assert download_address(SETTINGS, release.archive) == f"https://assets.example/archives/{release.archive}"
    slashed = replace(SETTINGS, archives_url="https://assets.example/archives/")
    assert download_address(slashed, release.archive) == download_address(SETTINGS, release.archive)


def test_a_full_release_leads_to_the_page_that_lists_them_as_it_may_be_in_parts() -> None:
    assert download_address(SETTINGS, full_name(2026, 2)) == DOWNLOADS


def test_where_no_place_of_archives_is_configured_it_is_that_page_too() -> None:
    assert download_address(replace(SETTINGS, archives_url=""), "Kraken_OHLCVT_Q1_2026.zip") == DOWNLOADS


@pytest.mark.parametrize(
    "name", ["../Kraken_OHLCVT_Q1_2026.zip", "javascript:alert(1)", "Kraken_OHLCVT_Q1_2026.zip?x", 'a"><img src=x>', ""]
)
def test_a_name_that_no_release_has_is_never_part_of_an_address(name: str) -> None:
    assert download_address(SETTINGS, name) == DOWNLOADS


@given(st.text())
def test_whatever_a_gap_names_the_address_is_one_of_two(name: str) -> None:
    assert download_address(SETTINGS, name) in {DOWNLOADS, f"https://assets.example/archives/{name}"}
    assert set(download_address(SETTINGS, name)) <= set(
        DOWNLOADS + "https://assets.example/archives/Kraken_OHLCVT_Q.zip0123456789"
    )
