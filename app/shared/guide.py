"""The guide that lies beside the dashboard, as its pages show it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "guide"
# Those that somebody at a page looks for, in the order of reading; by the names of their files
TOPICS = (
    *("dashboard", "concepts", "ohlcv-ingestion", "backfill", "quality", "proof", "sql-and-python"),
    *("trades", "exchanges", "certificates", "universe", "operations", "programs", "security", "faq"),
)
OF_PAGES = {
    "ingest": "ohlcv-ingestion",
    "jobs": "operations",
    "schedules": "operations",
    "coverage": "concepts",
    "gaps": "backfill",
    "series": "quality",
    "candles": "sql-and-python",
}
_PICTURE = re.compile(r"^!\[[^\]]*\]\([^)]*\)\n?", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)([^)#]*)(#[^)]*)?\)")


def topic_of(page: str) -> str:
    """The part of the guide that is about a page, which is named as in its address."""
    return OF_PAGES.get(page, TOPICS[0])


@cache
def title(topic: str) -> str:
    """The heading of a part of the guide."""
    return text(topic).partition("\n")[0].removeprefix("# ")


@cache
def text(topic: str) -> str:
    """A part of the guide: without pictures, and with links to the parts that can be shown here."""
    whole = (GUIDE / f"{topic}.md").read_text(encoding="utf-8")
    return _LINK.sub(_linked, _PICTURE.sub("", whole))


def _linked(link: re.Match[str]) -> str:
    shown, target, anchor = link.groups()
    if not target:
        return f"[{shown}]({anchor})"
    topic = target.removesuffix(".md")
    return f"[{shown}](help?topic={topic})" if topic in TOPICS else shown
