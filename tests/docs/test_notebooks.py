"""The notebooks as they are stored: run to the end, small, and without a trace of the machine they ran on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.docs.documents import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
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
