"""The rooms of the code, where no layer check sees them."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TypeGuard

import pytest

from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ledger.transactions import Transactions

ROOT = Path(__file__).parents[2]
FACES = sorted(
    path for room in ("app", "kraken_core/cli", "kraken_core/serving") for path in (ROOT / room).rglob("*.py")
)


@pytest.mark.parametrize("face", FACES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_face_reaches_through_the_workbench(face: Path) -> None:
    """Neither the command line, nor the dashboard, nor a server reads or writes ledger and candle table by itself."""
    reached = [
        f"line {node.lineno}: .{node.attr}"
        for node in ast.walk(ast.parse(face.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"ledger", "store"}
    ]
    assert not reached


def test_whatever_the_ledger_offers_waits_for_its_database() -> None:
    """Each public method is marked as a transaction, but for what has none or waits by itself."""
    offered = {
        name: method
        for name, method in inspect.getmembers(SqlLedger, inspect.isfunction)
        if not name.startswith("_") and name not in vars(Transactions)
    }
    assert len(offered) > 50
    assert [name for name, method in offered.items() if not hasattr(method, "__wrapped__")] == []


FOLDERS = sorted(path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith("_"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_folder_of_tests_imports_from_another(folder: str) -> None:
    """What several share is in tests/support, which imports from none of them."""
    allowed = {folder, "support"}
    found = [
        f"{path.relative_to(ROOT)}: {node.module}"
        for path in (ROOT / "tests" / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests.")
        if (node.module or "").split(".")[1] not in allowed
    ]
    assert found == []


def test_no_two_classes_share_a_name() -> None:
    """A name says one thing, wherever it is met; those that a module keeps to itself aside."""
    places: dict[str, list[str]] = {}
    for path in sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "kraken_core").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


# What changes a candle table without keeping what it replaces, and why that is right
KEEPING_NOTHING = {
    "_replace": "the merged file holds the candles of those it replaces",
    "discard": "what is lost cannot be kept: the ledger says from when on it is known what was known",
}


def test_whatever_changes_a_candle_table_keeps_what_it_replaces() -> None:
    """Each function of a store that commits calls ``_keep`` before, so that nobody who uses stores can forget to.

    The table of trades is none of candles: what it replaces is in its earlier versions, for a week.
    """
    changing = {"_log.commit", "_writer.take", "_writer.write"}
    found: dict[str, bool] = {}
    stores = ROOT / "kraken_core" / "stores"
    for path in (path for path in stores.rglob("*.py") if path.parent != stores / "trades"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                called = [ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)]
                if any(call.removeprefix("self.") in changing for call in called):
                    found[function.name] = "keep" in ast.unparse(function)
    assert {name for name, keeps in found.items() if not keeps} == {*KEEPING_NOTHING, "_make"}
    assert {name for name, keeps in found.items() if keeps} == {"_try_commit", "restore", "_append"}


def test_a_homes_table_is_opened_with_what_keeps_and_others_without() -> None:
    """The table that is copied into is another home's, or none's, as a backup is; one to be mended lost candles."""
    opened = {
        path.name: [len(node.args) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if _opens(node)]
        for path in (ROOT / "kraken_core" / "workbench").rglob("*.py")
    }
    keeping_all = 4  # settings, assets, what is known, and what keeps
    assert {name for name, counts in opened.items() if keeping_all in counts} == {"home.py"}
    assert {name for name, counts in opened.items() if counts} == {"home.py", "transfer.py", "recovery.py", "backup.py"}


def _opens(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "open_store"
