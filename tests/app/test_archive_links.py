"""An archive that contains what is missing is a link, wherever gaps are shown."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from kraken_core.workbench.archive_choices import DOWNLOADS
from tests.app.conftest import told


def page() -> None:
    """Two gaps, of which the exchange could fill one, in two archives, and one that is in none."""
    import polars as pl

    from app.shared.archive_links import archive_links
    from kraken_core.domain.archives import quarter_bounds

    start, end = quarter_bounds(2024, 1)
    gap = {"pair": "BTC/USD", "interval_minutes": 60, "csv_file": "XBTUSD_60.csv"}
    quarter, whole = "Kraken_OHLCVT_Q1_2024.zip", "Kraken_OHLCVT.zip"
    gaps = [
        gap | {"start": start, "end": start + 7200, "route": "trades", "candles": 2, "archive": quarter},
        gap
        | {"start": start - 9 * 86_400, "end": start + 3600, "route": "none", "candles": 217}
        | {"archive": f"{whole}, {quarter}"},
        gap | {"start": end, "end": end + 3600, "route": "none", "candles": 1, "archive": "", "csv_file": ""},
    ]
    archive_links(pl.DataFrame(gaps))


def test_each_archive_is_a_link_the_one_that_fills_most_first(full: Path) -> None:
    assert full.exists()
    shown = AppTest.from_function(page, default_timeout=30).run()
    assert not shown.exception
    whole, quarter = (each.proto for each in shown.get("link_button"))
    assert (told(whole.label), whole.url) == ("Where to download Kraken_OHLCVT.zip", DOWNLOADS)
    assert told(quarter.label) == "Download Kraken_OHLCVT_Q1_2024.zip"
    assert quarter.url.endswith("/Kraken_OHLCVT_Q1_2024.zip")
    assert "XBTUSD_60.csv" in told(quarter.help)
