"""Every endpoint: its path, its parameters, and what it answers. Routes and the OpenAPI document are made of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kraken_core.domain.metrics import CONTENT_TYPE
from kraken_core.serving.http import answers
from kraken_core.serving.http.candle_pages import candles
from kraken_core.serving.http.parameters import (
    AT,
    AVERAGE,
    CANDLE_PAGING,
    END,
    EVIDENCE,
    FORMAT,
    LENGTH,
    PAGING,
    PAIR,
    REQUIRE_COMPLETE,
    SELECTION,
    START,
    Parameter,
)
from kraken_core.workbench.schemas import rows
from kraken_core.workbench.schemas.parts import (
    COUNT,
    INTEGER,
    MINUTES,
    TEXT,
    TIME,
    YES_OR_NO,
    Schema,
    array,
    nullable,
    record,
    said,
)
from kraken_core.workbench.schemas.parts import PAIR as PAIR_TEXT

if TYPE_CHECKING:
    from kraken_core.serving.http.answers import EndpointAnswer
    from kraken_core.workbench import Workbench

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
_NEXT = {"next": said(nullable(TEXT), "the address of the next page, null on the last one")}


class Endpoint(NamedTuple):
    """``content`` is what it answers: a schema by media type; none of what is no JSON.

    What is said ``of_history`` is not said while a job is being undone.
    """

    path: str
    summary: str
    parameters: tuple[Parameter, ...]
    answer: Callable[[Workbench, Mapping[str, Any]], EndpointAnswer]
    content: Mapping[str, Schema]
    pages: bool = True
    of_history: bool = True

    @property
    def name(self) -> str:
        """What clients that are generated call it."""
        return self.path.strip("/")


def _list(items: Schema, **whole: Schema) -> dict[str, Schema]:
    return {JSON: record({**whole, "total": COUNT, "items": array(items), **_NEXT})}


_AS_OF = said(nullable(TIME), "of the last detection, null before the first")
_CANDLES = record(
    {
        "pair": PAIR_TEXT,
        "interval": MINUTES,
        "start": TIME,
        "end": TIME,
        "version": said(INTEGER, "of the candle table: all pages are read at one"),
        "complete": said(nullable(YES_OR_NO), "whether every slot of the page is covered, and none doubtful"),
        "missing": array(rows.INCOMPLETE_RANGE),
        "candles": array(rows.CANDLE),
        **_NEXT,
    }
)
ENDPOINTS = (
    Endpoint("/pairs", "Pairs that are known", (*SELECTION[:3], *PAGING), answers.pairs, _list(rows.STORED_PAIR)),
    Endpoint(
        "/coverage",
        "Covered ranges, with their sources, candles and grade",
        (*SELECTION, *PAGING),
        answers.coverage,
        _list(rows.COVERAGE, as_of=_AS_OF),
    ),
    Endpoint(
        "/gaps",
        "What is missing, and what would fill it",
        (*SELECTION, *PAGING),
        answers.gaps,
        _list(rows.GAP, as_of=_AS_OF),
    ),
    Endpoint(
        "/completeness",
        "How complete each series is, and the answer in a sentence",
        (*SELECTION, *PAGING),
        answers.completeness,
        _list(rows.COMPLETENESS, as_of=_AS_OF, complete=YES_OR_NO, answer=TEXT),
    ),
    Endpoint(
        "/candles",
        "Candles of a series, as JSON or as an Arrow stream",
        (PAIR, LENGTH, START, END, REQUIRE_COMPLETE, EVIDENCE, AVERAGE, FORMAT, *CANDLE_PAGING),
        candles,
        {JSON: _CANDLES, ARROW: {}},
    ),
    Endpoint(
        "/evidence",
        "What a slot is (traded, without trades, missing, outside of life), and by which claims",
        (PAIR, LENGTH, AT),
        answers.evidence,
        {JSON: rows.EXPLANATION},
        pages=False,
    ),
    Endpoint("/jobs", "Jobs, newest first", PAGING, answers.jobs, _list(rows.JOB), of_history=False),
    Endpoint("/metrics", "The home in figures, for Prometheus", (), answers.metrics, {CONTENT_TYPE: {}}, pages=False),
)
