"""The notebooks as they are stored: run to the end, small, and without a trace of the machine they ran on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.docs.documents import ROOT
from tests.support.command_line import asked, process
from tests.support.little_market import written_to

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MINE = ("BTC/USD", "PEPE/USD", "2024-03-27", "2024-04-01")  # pairs and days of another market than the notebooks'
LARGEST = 300_000  # bytes of a figure
MACHINE = re.compile(r"(?<![\w.])/(?:tmp|home|root|work|usr|var|Users|private)/|ipykernel_\d|\b0x[0-9a-f]{6,}")


def named(path: Path) -> str:
    return path.stem


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    stored = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in stored if cell["cell_type"] == kind]


def outputs(path: Path) -> list[dict[str, Any]]:
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def test_they_are_numbered() -> None:
    assert len(NOTEBOOKS) >= 5
    numbers = [int(path.stem.partition("_")[0]) for path in NOTEBOOKS]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_they_are_stored_with_what_they_printed_from_top_to_bottom(path: Path) -> None:
    run = cells(path, "code")
    assert [cell["execution_count"] for cell in run] == list(range(1, len(run) + 1))
    kinds = {output["output_type"] for output in outputs(path)}
    assert kinds <= {"execute_result", "display_data"}, "no errors, and no warnings either"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_their_figures_are_stored_and_small(path: Path) -> None:
    shown = [output["data"] for output in outputs(path)]
    assert any("application/vnd.plotly.v1+json" in data for data in shown)
    assert all(len(json.dumps(data)) <= LARGEST for data in shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_they_tell_nothing_of_the_machine(path: Path) -> None:
    assert not MACHINE.search(json.dumps(outputs(path)))
    assert "execution" not in {name for cell in cells(path, "code") for name in cell["metadata"]}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_their_conclusions_are_computed(path: Path) -> None:
    told = ["".join(output["data"].get("text/markdown", "")) for output in outputs(path)]
    assert any("**Conclusion.**" in text and re.search(r"\d", text) for text in told)
    prose = ["".join(cell["source"]) for cell in cells(path, "markdown")]
    assert not any("**Conclusion" in text for text in prose)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_they_take_a_home_as_their_parameter(path: Path) -> None:
    first = cells(path, "code")[0]
    assert first["metadata"] == {"tags": ["parameters"]}
    assert "".join(first["source"]).startswith('home = ""  # a home of yours')
    assert re.search(r"opened\(home\)", "".join("".join(cell["source"]) for cell in cells(path, "code")[1:]))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that has nothing to do with the notebooks' own market."""
    folder = tmp_path_factory.mktemp("little")
    process(*asked(written_to(folder / "market").folder), "--home", folder / "home", "--quiet")
    return folder / "home"


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem[:2] in {"01", "03", "05", "06"}], ids=named)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of the kernel, about its own connection
def test_they_work_on_any_home_and_leave_it_as_it_is(path: Path, home: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    parameters = next(cell for cell in notebook.cells if cell.cell_type == "code")
    parameters.source += f"\nhome, pair, thin_pair, first, last = {(str(home), *MINE)}"
    before = (home / "ledger.db").read_bytes()
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT / "notebooks")}}).execute()
    shown = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert "**Conclusion.**" in shown
    assert "BNT/EUR" not in shown, "a pair of the simulated market"
    assert (home / "ledger.db").read_bytes() == before
