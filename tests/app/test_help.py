"""Help: the guide can be read beside every page, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.shared.guide import GUIDE, OF_PAGES, TOPICS, text, title, topic_of
from tests.app.conftest import Opened

PAGES = Path(__file__).parents[2] / "app"


@pytest.mark.parametrize("topic", TOPICS)
def test_a_part_of_the_guide_is_shown_and_its_links_lead_to_others(topic: str, opened: Opened) -> None:
    page = opened("help", topic=topic)
    assert not page.exception
    assert any(each.value.startswith(f"# {title(topic)}\n") for each in page.markdown)
    targets = re.findall(r"\]\(([^)]+)\)", text(topic))
    assert {each for each in targets if not each.startswith(("http", "#"))} <= {f"help?topic={name}" for name in TOPICS}


def test_every_page_has_its_part_of_the_guide() -> None:
    pages = {folder.name for folder in PAGES.iterdir() if (folder / "page.py").exists()}
    assert pages >= OF_PAGES.keys()
    assert {topic_of(page) for page in pages} <= set(TOPICS)
    assert all((GUIDE / f"{topic}.md").exists() for topic in TOPICS)
