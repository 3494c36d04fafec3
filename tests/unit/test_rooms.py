"""The rooms of the code, where no layer check sees them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FACES = sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "kraken_core" / "cli").rglob("*.py")])


@pytest.mark.parametrize("face", FACES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_face_reaches_through_the_workbench(face: Path) -> None:
    """Neither the command line nor the dashboard reads or writes ledger and candle table by itself."""
    reached = [
        f"line {node.lineno}: .{node.attr}"
        for node in ast.walk(ast.parse(face.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"ledger", "store"}
    ]
    assert not reached
