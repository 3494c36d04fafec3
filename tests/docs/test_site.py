"""The documentation as a site: it builds without a warning, and a reader's browser asks nobody else for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.documents import ROOT

LOADING = {("link", "href"), ("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src")}


class Loaded(HTMLParser):
    """What a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if (tag, name) in LOADING]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(built)]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return built


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 10
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        assert [address for address in loaded.addresses if "//" in address.partition("?")[0]] == [], page.name
    assert not any("fonts.g" in sheet.read_text(encoding="utf-8") for sheet in site.rglob("*.css"))


def test_every_guide_is_on_the_site(site: Path) -> None:
    guides = {path.stem for path in (ROOT / "docs" / "guide").glob("*.md")}
    assert {path.stem for path in (site / "guide").glob("*.html")} == guides


def test_every_notebook_is_on_the_site_with_its_figures_as_pictures(site: Path) -> None:
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert {path.stem for path in (site / "notebooks").glob("*.html")} == {path.stem for path in notebooks}
    for path in notebooks:
        drawn = path.read_text(encoding="utf-8").count('"image/png"')
        page = Loaded()
        page.feed((site / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8"))
        pictures = [address for address in page.addresses if address.startswith(f"{path.stem}/")]
        assert len(pictures) == drawn > 0
        assert all((site / "notebooks" / picture).is_file() for picture in pictures)


def test_every_public_name_of_the_workbench_is_in_the_reference(site: Path) -> None:
    from kraken_core import Workbench

    page = (site / "guide" / "api.html").read_text(encoding="utf-8")
    names = [name for name in dir(Workbench) if not name.startswith("_") and callable(getattr(Workbench, name))]
    assert {"candles", "export", "plan", "run"} <= set(names)
    assert [name for name in names if f'id="kraken_core.workbench.workbench.Workbench.{name}"' not in page] == []


def test_models_find_every_page_by_llms_txt(site: Path) -> None:
    """In the form of llmstxt.org: a title, a summary, and lists of links, each to a page that is there."""
    text = (site / "llms.txt").read_text(encoding="utf-8")
    assert text.startswith("# Kraken History Workbench\n\n> ")
    links = re.findall(r"^- \[[^]]+\]\(([^)]+)\): .+$", text, re.MULTILINE)
    assert [link for link in links if not (site / link).is_file()] == []
    guides = {f"guide/{path.name}" for path in (site / "guide").glob("*.html")}
    assert guides <= set(links)


def test_schemas_recipes_and_the_dashboard_of_grafana_are_on_the_site(site: Path) -> None:
    for folder in ("schemas", "recipes", "grafana"):
        published = {path.name for path in (site / folder).iterdir()}
        assert published == {path.name for path in (ROOT / "docs" / folder).iterdir() if path.is_file()}
