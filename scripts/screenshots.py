"""make screenshots: the dashboard's pages as they look over the simulated market, for README and the guide."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from kraken_core import Workbench
from kraken_core.simulator.demo import simulate
from kraken_core.simulator.exchange import SimulatedExchange
from tests.support.browsing import serving

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "images"
WIDTH, HEIGHT, TALLEST = 1280, 800, 1600  # pixels
COLOURS, MAX_BYTES = 128, 200_000
SETTLED_MS = 6_000  # until charts and tables are drawn
PATIENCE_MS = 90_000  # on a busy machine
PAGES = {  # the picture, and the page it is of
    "overview": "",
    "ingest": "ingest?tier=TIER1&interval=1h&interval=1d",
    "jobs": "jobs",
    "series": "series?pair=BTC/USD&interval=1h",
    "coverage": "coverage",
    "gaps": "gaps",
    "candles": "candles",
    "settings": "settings",
}
PRESSED = {"ingest": "Preview plan"}  # before the picture is taken


def main() -> int:
    """Draw every picture; returns an exit code."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        print("no Chromium is installed: apt-get install chromium", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home, archives = Path(folder) / "kraken-data", Path(folder) / "archives"
        market = simulate(archives).market
        with Workbench.open(home) as workbench:
            when = {"start_date": "2025-10-01", "as_of": "2026-07-08"}
            workbench.run(workbench.plan(tier="ALL", sources=[archives], api_backfill=False, **when))
        with (
            SimulatedExchange(market) as exchange,
            serving(home, KRAKEN_CSV_SOURCE_DIRS=str(archives), KRAKEN_API_URL=exchange.url) as url,
        ):
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            for name, address in PAGES.items():
                _draw(browser, name, f"{url}/{address}")
            browser.close()
    return 0


def _draw(browser: Browser, name: str, url: str) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    page.goto(url)
    page.locator("h1").wait_for()
    if name in PRESSED:
        page.get_by_role("button", name=PRESSED[name]).click()
    _settled(page)
    page.set_viewport_size({"width": WIDTH, "height": _height(page)})
    _settled(page)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS)
    file = PICTURES / f"{name}.png"
    picture.save(file, optimize=True)
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1e3:,.0f} kB")
    if file.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{file} has more than {MAX_BYTES:,} bytes")
    page.close()


def _settled(page: Page) -> None:
    """Wait until everything is drawn."""
    page.wait_for_timeout(SETTLED_MS)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=PATIENCE_MS)


def _height(page: Page) -> int:
    """As high as what is on the page, up to a limit."""
    height: int = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
    return min(max(HEIGHT, height), TALLEST)


if __name__ == "__main__":
    sys.exit(main())
