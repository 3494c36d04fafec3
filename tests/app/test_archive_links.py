"""An archive that contains what is missing is a link, wherever gaps are shown."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from kraken_core.workbench.archive_choices import DOWNLOADS
from tests.app.conftest import told


def page() -> None:
    """Two gaps, of which the exchange could fill one, in two archives."""
    import polars as pl

    from app.shared.archive_links import archive_links

    gap = {"pair": "BTC/USD", "interval_minutes": 60, "start": 0, "end": 7200, "csv_file": "XBTUSD_60.csv"}
    gaps = [
        gap | {"route": "trades", "candles": 2, "archive": "Kraken_OHLCVT_Q1_2024.zip"},
        gap | {"route": "none", "candles": 30, "archive": "Kraken_OHLCVT_Full_2026Q2.zip"},
        gap | {"route": "none", "candles": 1, "archive": "", "csv_file": ""},
    ]
    archive_links(pl.DataFrame(gaps))


def test_each_archive_is_a_link_the_one_that_fills_most_first(full: Path) -> None:
    assert full.exists()
    shown = AppTest.from_function(page, default_timeout=30).run()
    assert not shown.exception
    whole, quarter = (each.proto for each in shown.get("link_button"))
    assert (told(whole.label), whole.url) == ("Where to download Kraken_OHLCVT_Full_2026Q2.zip", DOWNLOADS)
    assert told(quarter.label) == "Download Kraken_OHLCVT_Q1_2024.zip"
    assert quarter.url.endswith("/Kraken_OHLCVT_Q1_2024.zip")
    assert "XBTUSD_60.csv" in told(quarter.help)
