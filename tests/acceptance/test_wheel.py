"""The built wheel in an environment of its own: everything works from any folder, without the checkout."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browsing import PATIENCE_MS, answered_by
from tests.support.command_line import ROOT, asked
from tests.support.little_market import written_to
from tests.support.ports import free_port

pytest_plugins = ["tests.support.chromium"]

NAME = "kraken-history-workbench"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    words = ["-m", "pip", "wheel", "--quiet", "--no-index", "--no-build-isolation", "--no-deps", str(ROOT)]
    subprocess.run([sys.executable, *words, "--wheel-dir", str(folder)], check=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel; what it depends on is borrowed from this one."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    options = ["install", "--quiet", "--no-index", "--no-deps", "--no-compile", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", f"--python={python}", *options], check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    # A path in a .pth file is searched, but its own .pth files are not read: the checkout stays unknown.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python.parent


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that has nothing to do with the checkout, and an environment that does not name it."""
    for name in [name for name in os.environ if name.startswith(("KRAKEN_", "PYTHON"))]:
        monkeypatch.delenv(name)
    return tmp_path


def run(words: list[object], folder: Path, code: int = 0) -> str:
    done = subprocess.run(list(map(str, words)), cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_the_wheel_puts_one_package_into_site_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        config = archive.read("kraken_core/_dashboard/.streamlit/config.toml")
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"kraken_core", f"{NAME.replace('-', '_')}-{version(NAME)}.dist-info"}
    assert config == (ROOT / ".streamlit" / "config.toml").read_bytes()
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_a_plain_install_brings_the_drivers_of_every_store_and_ledger(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith("METADATA")]
        needed = re.findall(r"^Requires-Dist: ([^;\n]+)$", archive.read(metadata).decode(), re.MULTILINE)
    assert {"questdb", "psycopg"} <= {re.split(r"[^a-z]", name)[0] for name in needed}
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert all(f"\n{name}==" in locked for name in ("questdb", "psycopg", "psycopg-binary"))


def test_no_package_app_can_be_imported(installed: Path, elsewhere: Path) -> None:
    assert "No module named 'app'" in run([installed / "python", "-c", "import app"], elsewhere, code=1)
    found = run([installed / "python", "-c", "import kraken_core; print(kraken_core.__file__)"], elsewhere)
    assert Path(found.strip()).is_relative_to(installed.parent)


@pytest.mark.parametrize("program", ["kraken-history", "kraken"])
def test_both_names_start_the_program(program: str, installed: Path, elsewhere: Path) -> None:
    assert version(NAME) in run([installed / program, "--version"], elsewhere)


def test_archives_are_ingested_and_reported(installed: Path, elsewhere: Path) -> None:
    little = written_to(elsewhere / "market")
    done = json.loads(run([installed / "kraken-history", *asked(little.folder)], elsewhere))
    assert done["status"] == "COMPLETED"
    report = json.loads(run([installed / "kraken-history", "report", "--json"], elsewhere))
    assert sum(row["present"] for row in report) == done["completeness"]["present"] > 0


def test_the_dashboard_is_served_whole_and_with_its_own_settings(installed: Path, elsewhere: Path, tab: Page) -> None:
    port = free_port()
    words = [installed / "kraken-history", "app", "--port", port, "--no-browser", "--home", elsewhere / "home"]
    with answered_by(list(map(str, words)), port, elsewhere, PYTHONPATH="") as url:
        tab.goto(url)
        heading = tab.get_by_role("heading", name="Overview", exact=True)
        expect(heading).to_have_css("font-size", "32px", timeout=PATIENCE_MS)  # as .streamlit/config.toml has it
        tab.get_by_role("link", name="Settings").click()
        expect(tab.get_by_role("heading", name="Settings", exact=True)).to_be_visible(timeout=PATIENCE_MS)


def test_copied_notebooks_find_all_they_import(installed: Path, elsewhere: Path) -> None:
    shutil.copy(ROOT / "notebooks" / "markets.py", elsewhere)
    imported = [imports for notebook in NOTEBOOKS for imports in imports_of(notebook)]
    run([installed / "python", "-c", "\n".join(imported)], elsewhere)


def imports_of(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    imports = [ast.unparse(line) for line in ast.walk(ast.parse(code)) if isinstance(line, ast.Import | ast.ImportFrom)]
    assert any("markets" in line for line in imports), notebook.stem
    return imports
