"""What is answered is what the workbench has: row by row, page by page, and nothing silently cut."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from kraken_core import Workbench
from kraken_core.domain.errors import IncompleteError, TableLostError
from kraken_core.serving.assistants.tools import Tools
from kraken_core.serving.http.application import application
from kraken_core.serving.http.guard import AccessRules
from kraken_core.workbench import documents
from tests.serving.conftest import URL
from tests.support.little_market import FIRST_HOLE, PRESENT

ARROW = "application/vnd.apache.arrow.stream"


def pages(client: TestClient, url: str) -> Iterator[dict[str, Any]]:
    """A document and all that follow it."""
    following: str | None = url
    while following:
        answer = client.get(following)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        following = page["next"]
        assert answer.links.get("next", {}).get("url") == following
        yield page


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pages_of_a_list_make_up_all_of_it(client: TestClient, reader: Workbench, size: int) -> None:
    read = [page["items"] for page in pages(client, f"/gaps?pairs=BTC/USD,UNI/USD&limit={size}")]
    assert {len(items) for items in read[:-1]} <= {size}
    assert 0 < len(read[-1]) <= size
    found = [item for items in read for item in items]
    chosen = reader.select(pairs=["BTC/USD", "UNI/USD"])
    assert found == [documents.gap_row(gap) for gap in reader.holdings.gaps(chosen)]
    assert len(found) > 7


def test_lists_are_those_of_the_workbench(client: TestClient, reader: Workbench) -> None:
    everything = reader.select()
    assert client.get("/coverage").json()["items"] == [
        documents.coverage_row(each) for each in reader.holdings.coverage(everything)
    ]
    assert client.get("/jobs").json()["items"] == [documents.job_row(job) for job in reader.jobs()]
    assert client.get("/pairs?quotes=EUR").json()["items"] == reader.stored_pairs(quotes=["EUR"])
    completeness = client.get("/completeness").json()
    assert completeness["items"] == [documents.report_row(each) for each in reader.holdings.report(everything).series]
    assert completeness["complete"] is False
    assert completeness["answer"].startswith("No: 0 of 40 series are complete")


@pytest.mark.parametrize("interval", ["1h", "5m", "1d", "2h", "3d"])
@pytest.mark.parametrize("size", [13, 10_000])
def test_pages_of_candles_make_up_all_of_them(client: TestClient, reader: Workbench, interval: str, size: int) -> None:
    url = f"/candles?pair=XBTUSD&interval={interval}&limit={size if interval != '5m' else size * 10}"
    found = [candle for page in pages(client, url) for candle in page["candles"]]
    wanted = reader.candles("BTC/USD", interval, to="polars")
    assert [candle["time"] for candle in found] == wanted["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ").to_list()
    assert pl.DataFrame(found, wanted.drop("time").schema).equals(wanted.drop("time"))


def test_a_page_says_whether_its_own_span_is_complete(client: TestClient) -> None:
    whole = list(pages(client, "/candles?pair=BTC/USD&interval=1d&limit=1&start=2024-03-28&end=2024-04-06"))
    assert [page["complete"] for page in whole] == [True] * 4 + [False] * 2 + [True] * 3
    lacking = [page["missing"] for page in whole if not page["complete"]]
    assert [(lack["start"][:10], lack["why"]) for [lack] in lacking] == [
        ("2024-04-01", "missing"),
        ("2024-04-02", "missing"),
    ]


def test_what_was_never_assessed_is_not_complete(client: TestClient) -> None:
    page = client.get("/candles?pair=BTC/USD&interval=1d&start=2024-04-05&end=2024-04-20").json()
    assert page["end"] == "2024-04-20T00:00:00Z"
    assert page["complete"] is False


def test_candles_that_have_to_be_complete_are_refused_with_what_is_missing(client: TestClient) -> None:
    span = "start=2024-03-30&end=2024-04-05"
    refused = client.get(f"/candles?pair=BTC/USD&interval=1h&limit=2&{span}&require_complete=true")
    assert refused.status_code == 409
    [lacking] = refused.json()["gaps"]
    assert (lacking["start"], lacking["end"]) == FIRST_HOLE
    assert (
        client.get("/candles?pair=BTC/USD&interval=1h&start=2024-03-28&end=2024-03-30&evidence=claimed").status_code
        == 200
    )
    assert (
        client.get("/candles?pair=BTC/USD&interval=1h&start=2024-03-28&end=2024-03-30&evidence=proved").status_code
        == 409
    )


@pytest.mark.parametrize(
    "how", [{"params": {"format": "arrow"}}, {"headers": {"Accept": f"text/html, {ARROW};q=0.9, */*;q=0.1"}}]
)
def test_arrow_has_the_same_candles_with_the_rest_as_metadata(client: TestClient, reader: Workbench, how: Any) -> None:
    answer = (
        client.get("/candles?pair=BTC/USD&interval=60&limit=100", **how)
        if "headers" in how
        else client.get("/candles", params={"pair": "BTC/USD", "interval": "60", "limit": 100, **how["params"]})
    )
    assert answer.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(io.BytesIO(answer.content)).read_all()
    assert pl.DataFrame(pl.from_arrow(table)).equals(reader.candles("BTC/USD", 60, to="polars").head(100))
    assert table.schema.metadata[b"complete"] == b"true"
    assert answer.links["next"]["url"] in table.schema.metadata[b"next"].decode()


def test_candles_have_their_average_on_request(client: TestClient, reader: Workbench) -> None:
    url = "/candles?pair=BTC/USD&interval=60&limit=100"
    plain, asked = (client.get(each).json()["candles"] for each in (url, f"{url}&vwap=true"))
    assert list(plain[0]) == ["time", "open", "high", "low", "close", "volume", "trades", "source"]
    assert list(asked[0]) == [*plain[0], "vwap"]
    assert [{name: row[name] for name in plain[0]} for row in asked] == plain
    assert [row["vwap"] for row in asked] == reader.candles("BTC/USD", 60, vwap=True, to="polars")["vwap"][
        :100
    ].to_list()
    refused = client.get(f"{url}&vwap=yes")
    assert refused.status_code == 400
    assert "vwap is 'yes'; it must be true or false" in refused.json()["error"]


def test_a_slot_is_explained_by_the_claims_it_is_known_by(client: TestClient) -> None:
    found = client.get("/evidence?pair=BTC/USD&interval=1h&at=2024-03-31T22:10").json()
    assert (found["state"], found["start"]) == ("present", "2024-03-31T22:00:00Z")
    [claim] = found["claims"]
    assert claim["member"] == "XBTUSD_60.csv"
    assert f"claim {claim['id']}" in found["text"]
    missing = client.get("/evidence?pair=BTC/USD&interval=1h&at=2024-04-01").json()
    assert (missing["state"], missing["claims"]) == ("missing", [])
    assert missing["gap"]["start"] == FIRST_HOLE[0]


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("/candles?pair=XYZABC&interval=60", 422, "is not a pair"),
        ("/candles?pair=BTC/USD", 400, "interval must be given"),
        ("/candles?pair=BTC/USD&interval=1x", 400, "interval is '1x'"),
        ("/candles?pair=BTC/USD&interval=60&limit=0", 400, "a whole number from 1"),
        ("/candles?pair=BTC/USD&interval=60&limit=999999", 400, "a whole number from 1"),
        ("/candles?pair=BTC/USD&interval=60&limit=1&limit=2", 400, "twice"),
        ("/candles?pair=BTC/USD&interval=60&start=2024-13-41", 400, "start is"),
        ("/candles?pair=BTC/USD&interval=60&start=2024-04-05&end=2024-04-01", 422, "there is nothing from"),
        ("/candles?pair=BTC/USD&interval=60&start=2024-04-01T00:10&end=2024-04-01T00:50", 422, "no slot opens"),
        ("/candles?pair=BTC/USD&interval=60&start=2024-05-01", 422, "there is nothing from"),
        ("/candles?pair=BTC/USD&interval=60&cursor=1711504800-99", 400, "cursor is"),
        ("/candles?pair=BTC/USD&interval=60&cursor=1711504800-1711508400-1-0123456789abcdef", 409, "begin again"),
        *(
            (f"/candles?pair=XRP/USD&interval=1h{more}", 422, "No data of XRP/USD")
            for more in ("", "&start=2024-03-28", "&end=2024-03-29", "&start=2024-03-28&end=2024-03-29")
        ),
        ("/candles?pair=BTC/USD&interval=60&format=csv", 400, "json or arrow"),
        ("/gaps?cursor=3-0123456789abcdef", 409, "begin again"),
        ("/gaps?tiers=TIER9", 422, "is not a tier"),
        *(
            (f"/{each}?pairs=BTC/USD,XRP/USD", 422, "No data of XRP/USD")
            for each in ("gaps", "coverage", "completeness")
        ),
        ("/gaps?start_date=2024-02-31", 422, "is not a date"),
        ("/gaps?tires=TIER1", 400, "there is no parameter 'tires'"),
        ("/evidence?pair=BTC/USD&interval=7m&at=2024-03-31", 422, "is not an interval of the archives"),
        ("/evidence?pair=BTC/USD&interval=1h&at=2099-03-31", 422, "has not closed yet"),
        ("/evidence?pair=BTC/USD&interval=1h&at=1970-01-01", 400, "at is"),
        ("/evidence?pair=BTC/USD&interval=1h&at=2010-01-01T25:00", 422, "is not a date"),
        ("/nowhere", 404, "/openapi.json"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_what_to_do(client: TestClient, url: str, status: int, words: str) -> None:
    refused = client.get(url)
    assert refused.status_code == status, refused.text
    assert words in refused.json()["error"]
    assert refused.text.count("\n") == 1
    assert refused.text.endswith("\n")


def test_no_format_that_is_accepted_is_said(client: TestClient) -> None:
    refused = client.get("/candles?pair=BTC/USD&interval=60", headers={"Accept": "text/csv"})
    assert refused.status_code == 406
    assert "application/json" in refused.json()["error"]


def test_a_home_that_cannot_be_read_is_one_line(reader: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object, **__: object) -> None:
        raise TableLostError("The candle table is not the one\nof the last job: mount its disk.")

    monkeypatch.setattr(Workbench, "candles", lost)
    failed = TestClient(application(reader, AccessRules()), URL).get("/candles?pair=BTC/USD&interval=60")
    assert failed.status_code == 503
    assert failed.text == '{"error":"The candle table is not the one of the last job: mount its disk."}\n'


def test_a_bug_is_one_line_without_its_details(reader: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workbench, "jobs", lambda _: 1 / 0)
    client = TestClient(application(reader, AccessRules()), URL, raise_server_exceptions=False)
    failed = client.get("/jobs")
    assert failed.status_code == 500
    assert failed.json() == {"error": "unexpected ZeroDivisionError: the server's log shows the details (--verbose)."}


def test_all_pages_are_of_one_version_while_jobs_go_on(kraken_home: Path, little_second: Path) -> None:
    """The first page is read, then a job adds candles: the next pages are as the first was, and lists say it."""
    with Workbench.open(kraken_home, read_only=True) as workbench:
        client = TestClient(application(workbench, AccessRules()), URL)
        first = client.get("/candles?pair=BTC/USD&interval=60&limit=100").json()
        gaps = client.get("/gaps?limit=1").json()
        before = workbench.candles("BTC/USD", 60, to="polars").height
        with Workbench.open(kraken_home) as writing:
            writing.run(
                writing.plan(
                    tier="ALL", sources=[little_second], start_date="2024-03-27", as_of=PRESENT, api_backfill=False
                )
            )
        later = list(pages(client, first["next"]))
        assert workbench.candles("BTC/USD", 60, to="polars").height > before
        assert len(first["candles"]) + sum(len(page["candles"]) for page in later) == before
        assert {page["version"] for page in later} == {first["version"]}
        assert {page["complete"] for page in later} == {None}, "what was known of another version's slots is not kept"
        assert client.get(gaps["next"]).status_code == 409
        resampled = first["next"].replace("interval=60", "interval=2h")
        assert client.get(resampled).status_code == 409


def test_pages_end_where_the_first_one_said_though_less_is_known_by_then(kraken_home: Path) -> None:
    """The job that is undone brought all that is known: nothing of its end is left in the ledger."""
    with Workbench.open(kraken_home, read_only=True) as reading, Workbench.open(kraken_home) as writing:
        client = TestClient(application(reading, AccessRules()), URL)
        before = reading.candles("BTC/USD", 60, to="polars").height
        first = client.get("/candles?pair=BTC/USD&interval=60&limit=20").json()
        writing.undo(writing.jobs()[0].id)
        later = list(pages(client, first["next"]))
        assert len(first["candles"]) + sum(len(page["candles"]) for page in later) == before
        assert {page["version"] for page in later} == {first["version"]}


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("pair", "ETH/USD"),
        ("interval", "5m"),
        ("start", "2024-03-29"),
        ("end", "2024-04-02"),
        ("vwap", "true"),
        ("require_complete", "true"),
        ("evidence", "confirmed"),
    ],
)
def test_a_cursor_leads_nowhere_in_another_query(client: TestClient, name: str, other: str) -> None:
    query = {"pair": "BTC/USD", "interval": "1h", "start": "2024-03-28", "end": "2024-03-31", "limit": "2"}
    first = client.get("/candles", params=query).json()
    cursor = first["next"].rpartition("cursor=")[2]
    refused = client.get("/candles", params={**query, name: other, "cursor": cursor})
    assert refused.status_code == 409
    assert refused.json() == {"error": "this cursor is not of this query: begin again without one."}
    of_other_size = client.get("/candles", params={**query, "limit": "3", "cursor": cursor, "format": "json"}).json()
    assert (of_other_size["start"], len(of_other_size["candles"])) == (first["end"], 3)


def test_later_pages_that_have_to_be_complete_are_refused_as_the_first(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "/candles?pair=BTC/USD&interval=1h&start=2024-03-28&end=2024-03-30&limit=2&require_complete=true"
    first = client.get(url).json()
    monkeypatch.setattr(Workbench, "incomplete", lambda *_, **__: IncompleteError("withdrawn meanwhile"))
    assert client.get(first["next"]).status_code == 409


def test_while_a_job_commits_nothing_is_called_complete(reader: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims that come with the next version are not taken for candles of this one."""
    newest, looks = reader.version, count()
    url = "/candles?pair=BTC/USD&interval=1d&start=2024-03-28&end=2024-03-30"
    monkeypatch.setattr(Workbench, "version", property(lambda _: newest + (next(looks) > 0)))
    client = TestClient(application(reader, AccessRules()), URL)
    page = client.get(url).json()
    assert (page["version"], page["complete"], page["missing"], len(page["candles"])) == (newest, None, [], 2)
    looks = count()
    refused = client.get(f"{url}&require_complete=true")
    assert refused.status_code == 409
    assert "try again" in refused.json()["error"]
    looks = count()
    assert Tools(reader).candles("BTC/USD", "1d", "2024-03-28", "2024-03-30")["complete"] is None
