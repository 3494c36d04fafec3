"""A ledger that was just opened knows no pair: ids of pairs are looked up in a transaction, which reads the newer ones.

Looked up before it, a pair that others registered has no id: whatever is asked of it would be answered by nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import kraken_core.ledger

FOLDER = Path(kraken_core.ledger.__file__).parent
LOOKING_UP = {"_of", "_of_pairs", "_ids_of", "_pair_ids"}
WITHIN = {"_row", "_in_ranges", "_names", "remember_names"}  # called in a transaction, or after one


def outside(node: ast.AST, method: str, *, inside: bool) -> Iterator[str]:
    """The methods that look ids up where no transaction is open."""
    match node:
        case ast.FunctionDef(name=name, args=args):
            method, inside = name, name in WITHIN or "connection" in {each.arg for each in args.args}
        case ast.With(items=items, body=body):
            opens = any("_reading" in ast.dump(item) or "_writing" in ast.dump(item) for item in items)
            for statement in body:
                yield from outside(statement, method, inside=inside or opens)
            return
        case ast.Attribute(attr=name) if name in LOOKING_UP and not inside:
            yield method
    for each in ast.iter_child_nodes(node):
        yield from outside(each, method, inside=inside)


def test_ids_of_pairs_are_looked_up_within_a_transaction() -> None:
    found = {
        f"{path.name}: {method}"
        for path in FOLDER.rglob("*.py")
        if path.name != "transactions.py"  # which does it for all others
        for method in outside(ast.parse(path.read_text()), "", inside=False)
    }
    assert not found
