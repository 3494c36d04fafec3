"""The documents, taken apart: fenced blocks, commands, links, and what is set as code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guide").glob("*.md"))
FOR_USERS = [ROOT / "README.md", *GUIDES]
ALL = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_EXIT = re.compile(r"# exits (\d)$")


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line it begins at."""

    language: str
    text: str
    line: int


class Command(NamedTuple):
    """A command line, and the code it should exit with."""

    words: list[str]
    exits: int


def blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [Block(m[1], m[2], text[: m.start()].count("\n") + 1) for m in _BLOCK.finditer(text)]


def commands(block: Block) -> Iterator[Command]:
    """The commands of an ``sh`` block; quoted text and a backslash may carry one over several lines."""
    pending = ""
    for line in block.text.replace("\\\n", " ").splitlines(keepends=True):
        pending += line
        try:
            words = shlex.split(pending, comments=True)
        except ValueError:  # a quote is still open
            continue
        if words:
            exits = _EXIT.search(pending.strip())
            yield Command(words, int(exits[1]) if exits else 0)
        pending = ""
    assert not pending, f"the block at line {block.line} ends within a command"


def code(document: Path) -> set[str]:
    """What is set as code in the running text."""
    return set(_CODE.findall(prose(document)))


def links(document: Path) -> set[str]:
    """Targets of links and images, those on other sites left out."""
    return {target for target in _LINK.findall(prose(document)) if "://" not in target}


def anchors(document: Path) -> set[str]:
    """The fragments that lead to its headings."""
    titles = (title.lower().replace(" ", "-") for title in _HEADING.findall(prose(document)))
    return {re.sub(r"[^\w-]", "", title) for title in titles}


def prose(document: Path) -> str:
    return _BLOCK.sub("", document.read_text(encoding="utf-8"))
