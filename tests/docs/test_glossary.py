"""The glossary: every term is there in code, and words that hide what a thing is are no identifiers any more."""

from __future__ import annotations

import importlib
import io
import re
import tokenize

import pytest

from tests.docs.documents import ROOT

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in GLOSSARY.splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| Term"))
]
# Everyday verbs and private words: of each, name the thing. ``held`` is the old name of Workbench.holdings.
HIDING = re.compile(r"(^|_)(told|held|asked|unheard|heard|stands|lackings?|lacking|crew|pacer|reap|rush)($|_)")
ALLOWED = {
    ("kraken_core/workbench/deprecated.py", "held"),
    ("kraken_core/ledger/jobs.py", "asked"),  # the column of SQL, a contract
    ("kraken_core/ledger/rows.py", "asked"),
    ("kraken_core/simulator/exchange/answers.py", "pairs_asked"),
    ("kraken_core/pipeline/maintain.py", "lacking_bytes"),
}
CODE = sorted(path for room in ("kraken_core", "app") for path in (ROOT / room).rglob("*.py"))


@pytest.mark.parametrize(("term", "name"), [(row[0], row[2].strip("`")) for row in ROWS])
def test_a_term_is_called_so_in_code(term: str, name: str) -> None:
    module, _, attribute = name.rpartition(".")
    try:
        found: object = importlib.import_module(module)
    except ModuleNotFoundError:  # an attribute of a class
        module, _, holder = module.rpartition(".")
        found = getattr(importlib.import_module(module), holder)
    assert hasattr(found, attribute), term


def test_each_term_stands_once_with_a_meaning() -> None:
    terms = [row[0] for row in ROWS]
    assert len(terms) > 30
    assert sorted(set(terms)) == sorted(terms)
    assert all(row[1] for row in ROWS)


def test_no_identifier_hides_what_it_is() -> None:
    found = {(path.relative_to(ROOT).as_posix(), name) for path in CODE for name in hiding_in(path.read_text("utf-8"))}
    assert found <= ALLOWED
    assert ("kraken_core/ledger/jobs.py", "asked") in found  # it does find them


def hiding_in(text: str) -> set[str]:
    """The identifiers of a module that hide what they are; to read all of its tokens takes long."""
    if not any(HIDING.search(word) for word in set(re.findall(r"\w+", text.lower()))):
        return set()
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME and HIDING.search(token.string.lower())}
