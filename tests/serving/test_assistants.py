"""``kraken-history mcp``, through the protocol's own client: every answer is right, and says what it rests on."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import UsageError
from kraken_core.serving.assistants.tools import Tools
from kraken_core.simulator.exchange import SimulatedExchange
from tests.serving.hundred_questions import Question, questions
from tests.support.command_line import NOBODY, ROOT, tree
from tests.support.little_market import LittleMarket

if TYPE_CHECKING:
    from mcp import Client

TOOLS = {"is_complete", "explain_slot", "gaps", "candles", "plan_backfill"}


def with_assistant(home: Path, url: str, ask: Callable[[Client], Awaitable[None]]) -> None:
    """Have a client talk to the command, in a process of its own."""
    from mcp import Client, StdioServerParameters  # takes a while to load

    words = ["-m", "kraken_core", "mcp", "--home", str(home)]
    environment = {"KRAKEN_API_URL": url, "PYTHONPATH": str(ROOT)}

    async def talk() -> None:
        async with Client(StdioServerParameters(command=sys.executable, args=words, env=environment)) as client:
            await ask(client)

    with ThreadPoolExecutor(1) as elsewhere:  # where a browser was driven before, this thread has a loop already
        elsewhere.submit(asyncio.run, talk()).result()


def test_a_hundred_questions_are_answered_right_and_change_nothing(little: LittleMarket, full_home: Path) -> None:
    asked = questions(little.market)
    assert len(asked) == 100
    wrong: dict[str, str] = {}
    states: Counter[str] = Counter()

    async def ask(client: Client) -> None:
        listed = (await client.list_tools()).tools
        assert {tool.name for tool in listed} == TOOLS
        assert all(tool.description and tool.annotations and tool.annotations.read_only_hint for tool in listed)
        for question in asked:
            answer = await client.call_tool(question.tool, question.given)
            states[question.tool] += 1
            found = answer.structured_content
            problem = question.judge(found) if found and not answer.is_error else str(answer.content)
            if problem:
                wrong[f"{question.tool} {json.dumps(question.given)}"] = problem

    before = {name: seen for name, seen in tree(full_home).items() if not name.endswith(("-shm", "-wal"))}
    with SimulatedExchange(little.market, limits=None) as exchange:
        with_assistant(full_home, exchange.url, ask)
    assert wrong == {}
    assert set(states) == TOOLS
    after = {name: seen for name, seen in tree(full_home).items() if not name.endswith(("-shm", "-wal"))}
    assert after == before


def test_a_wrong_question_gets_the_line_that_a_person_would_read(full_home: Path) -> None:
    async def ask(client: Client) -> None:
        for tool, given, words in (
            ("explain_slot", {"pair": "nope", "interval": "1h", "at": "2024-03-28"}, "is not a pair"),
            ("is_complete", {"pair": "BTC/USD"}, "name both a pair and an interval"),
            ("candles", {"pair": "BTC/USD", "interval": "1h", "limit": 0}, "from 1 to 1,000"),
            ("gaps", {"pairs": ["BTTC/USD"]}, "Did you mean BTC/USD?"),
            ("plan_backfill", {"start": True}, "kraken-history mcp --allow-jobs"),
        ):
            answer = await client.call_tool(tool, given)
            assert answer.is_error
            assert words in str(answer.content)

    with_assistant(full_home, NOBODY, ask)


@pytest.fixture
def tools(reader: Workbench) -> Tools:
    return Tools(reader)


def test_everything_at_once_is_answered_in_a_sentence(tools: Tools) -> None:
    found = tools.is_complete()
    assert found["complete"] is False
    assert found["answer"].startswith("No: 0 of 40 series are complete")
    assert len(found["least_complete"]) == 40


def test_before_its_listing_a_pair_is_not_called_complete(tools: Tools) -> None:
    found = tools.is_complete("BTC/USD", "1h", "2012-01-01", "2012-02-01")
    assert found["answer"].startswith("No candle of BTC/USD 1h is expected in")
    assert found["claims"] == []


def test_of_a_pair_that_is_not_stored_nothing_is_complete(tools: Tools) -> None:
    assert tools.is_complete("XRP/USD", "1h")["complete"] is False
    with pytest.raises(UsageError, match="nothing is stored of XRP/USD"):
        tools.candles("XRP/USD", "1h")


def test_a_span_that_is_not_past_is_refused_and_not_complete(tools: Tools) -> None:
    with pytest.raises(UsageError, match="there is nothing from"):
        tools.candles("BTC/USD", "1h", "2024-05-01")
    with pytest.raises(UsageError, match="there is nothing from"):
        tools.is_complete("BTC/USD", "1h", "2099-01-01", "2099-02-01")


def test_candles_go_on_where_the_answer_says(tools: Tools, reader: Workbench) -> None:
    start: str | None = None
    found: list[dict[str, Any]] = []
    while True:
        answer = tools.candles("BTC/USD", "4h", start, limit=7)
        found += answer["candles"]
        start = answer["next_start"]
        if start is None:
            break
    assert [each["close"] for each in found] == reader.candles("BTC/USD", 240, to="polars")["close"].to_list()


def test_evidence_of_a_grade_is_required_where_it_is_named(tools: Tools) -> None:
    assert tools.is_complete("BTC/USD", "1h", "2024-03-28", "2024-03-30", "confirmed")["complete"] is True
    weak = tools.is_complete("BTC/USD", "1h", "2024-03-28", "2024-03-30", "proved")
    assert weak["complete"] is False
    assert {each["why"] for each in weak["missing"]} == {"not proved"}


def test_a_plan_becomes_a_job_only_where_jobs_are_allowed(kraken_home: Path, little: LittleMarket) -> None:
    with SimulatedExchange(little.market, limits=None) as exchange, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KRAKEN_API_URL", exchange.url)
        patch.setattr(Workbench, "run_detached", Workbench.run)  # in this process: the test sees its end
        with Workbench.open(kraken_home) as workbench:
            tools = Tools(workbench, jobs_allowed=True)
            assert tools.plan_backfill(["BTC/USD"], intervals=["1h"])["job"] is None
            assert len(workbench.jobs()) == 1
            job = tools.plan_backfill(["BTC/USD"], intervals=["1h"], start=True)["job"]
            assert (job["kind"], job["status"]) == ("backfill", "COMPLETED")
            assert [each.id for each in workbench.jobs()] == [job["job_id"], 1]


def test_a_question_is_judged(little: LittleMarket) -> None:
    """The judges of the hundred find a wrong answer wrong."""
    slot: Question = questions(little.market)[0]
    wrong: dict[str, Any] = {
        "state": "no trades",
        "start": "",
        "end": "",
        "claims": [],
        "grade": None,
        "candle": None,
        "text": "",
    }
    assert slot.judge(wrong)
