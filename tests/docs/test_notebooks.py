"""The notebooks: stored with what they printed, and run, each once here and once more among the long tests."""

from __future__ import annotations

import base64
import json
import os
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from scripts.refresh_notebooks import HEIGHT_PX, WIDTH_PX
from tests.docs.documents import ROOT
from tests.support.little_market import LittleMarket

REAL = Path(os.environ.get("KRAKEN_REAL_FILES") or ROOT.parent / "shared" / "data")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Pairs and days of another market than the notebooks'
MINE = {"pair": "BTC/USD", "thin_pair": "PEPE/USD", "first": "2024-03-27", "last": "2024-04-01"}
LARGEST = 300_000  # bytes of a figure
FIGURE, PICTURE = "application/vnd.plotly.v1+json", "image/png"
# Those that are about a home run on one that has nothing to do with their own market; the others as they are stored.
ON_ANOTHER_HOME = {
    "01_first_look",
    "03_gaps_and_silences",
    "05_completeness_report",
    "07_is_my_data_good",
    "08_are_prices_sound",
}
IN_BOTH_WAYS = {*ON_ANOTHER_HOME, "06_research_ready"}
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
    assert any(FIGURE in data for data in shown)
    assert all(len(json.dumps(data)) <= LARGEST for data in shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_their_figures_can_be_seen_without_a_script(path: Path) -> None:
    for data in (output["data"] for output in outputs(path)):
        assert (FIGURE in data) == (PICTURE in data), "store it again: make notebooks"
        if FIGURE in data:
            drawn = base64.b64decode(data[PICTURE])
            assert drawn.startswith(b"\x89PNG")
            height = data[FIGURE]["layout"].get("height", HEIGHT_PX)
            assert struct.unpack(">II", drawn[16:24]) == (WIDTH_PX, height)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_they_draw_what_the_workbench_draws_and_build_no_figures_by_hand(path: Path) -> None:
    source = "\n".join("".join(cell["source"]) for cell in cells(path, "code"))
    assert "graph_objects" not in source
    assert "wb.plot." in source or path.stem[:2] in {"02", "04", "06"}, "which draw what they found themselves"


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
def test_they_take_a_home_and_files_as_their_parameters(path: Path) -> None:
    first = cells(path, "code")[0]
    assert first["metadata"] == {"tags": ["parameters"]}
    assert re.match(r'home = ""  # a home of yours.*\nfiles = ""  # (or )?files of yours', "".join(first["source"]))
    assert "opened(home, files)" in "".join("".join(cell["source"]) for cell in cells(path, "code")[1:])


def shown(path: Path, **parameters: str) -> list[dict[str, Any]]:
    """What a notebook prints and draws when it is run, with some of its parameters replaced. It must come to its end.

    Each output is the data of its kinds; whatever a cell writes to its streams is none.
    """
    import nbformat  # takes a second to load, and few processes of tests run notebooks
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source += "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT / "notebooks")}}).execute()
    found = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output["data"] for output in found if "data" in output]


def conclusions(outputs: list[dict[str, Any]]) -> list[str]:
    texts = ["".join(data.get("text/markdown", "")) for data in outputs]
    return [text for text in texts if "**Conclusion.**" in text]


def works_on_another_home(path: Path, home: Path) -> None:
    """It comes to a conclusion of that home, says nothing of its own market, and leaves the home as it is."""
    before = (home / "ledger.db").read_bytes()
    found = shown(path, home=str(home), **MINE)
    assert conclusions(found)
    assert "BNT/EUR" not in json.dumps(found), "a pair of the simulated market"
    assert (home / "ledger.db").read_bytes() == before


def comes_to_what_is_stored(path: Path) -> None:
    stored, found = conclusions([output["data"] for output in outputs(path)]), conclusions(shown(path))
    if REAL.is_dir():
        assert found == stored, "store it again: make notebooks"
    else:  # some look at Kraken's own files, where there are any
        assert len(found) >= len(stored) - 2


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[] if path.stem == "07_is_my_data_good" else pytest.mark.soak)
        for path in NOTEBOOKS
        if path.stem in ON_ANOTHER_HOME
    ],
    ids=named,
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of the kernel, about its own connection
def test_they_work_on_any_home_and_leave_it_as_it_is(path: Path, full_home: Path) -> None:
    works_on_another_home(path, full_home)


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem not in ON_ANOTHER_HOME], ids=named)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_they_come_to_the_conclusions_that_are_stored(path: Path) -> None:
    comes_to_what_is_stored(path)


@pytest.mark.soak
@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem in IN_BOTH_WAYS], ids=named)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_they_do_the_one_and_the_other(path: Path, full_home: Path) -> None:
    if path.stem in ON_ANOTHER_HOME:
        comes_to_what_is_stored(path)
    else:
        works_on_another_home(path, full_home)


@pytest.mark.soak
@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem in ON_ANOTHER_HOME], ids=named)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_they_read_files_of_the_readers_own(path: Path, little: LittleMarket) -> None:
    found = shown(path, files=str(little.folder), **MINE)
    assert conclusions(found)
    assert "BNT/EUR" not in json.dumps(found)
