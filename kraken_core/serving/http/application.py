"""The application: routes to the endpoints, errors as lines of JSON, nothing that writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kraken_core import __version__
from kraken_core.domain.errors import KrakenError
from kraken_core.serving.http import failures
from kraken_core.serving.http.endpoints import ARROW, ENDPOINTS, JSON, Endpoint
from kraken_core.serving.http.failures import Line
from kraken_core.serving.http.guard import AccessRules, Guard
from kraken_core.serving.http.openapi import openapi_document
from kraken_core.serving.http.parameters import parse_query
from kraken_core.serving.http.tables import as_arrow, as_json, wants_arrow

if TYPE_CHECKING:
    from kraken_core.serving.http.answers import EndpointAnswer
    from kraken_core.workbench import Workbench

AT_ONCE = 8  # requests that are worked on; each has a page at most in memory


def application(workbench: Workbench, rules: AccessRules) -> Starlette:
    """What answers for a home, which is to be opened read-only."""
    document = openapi_document(ENDPOINTS, __version__, secured=bool(rules.token))
    index = {
        "name": "kraken-history",
        "version": __version__,
        "openapi": "/openapi.json",
        "endpoints": {each.path: each.summary for each in ENDPOINTS},
    }
    return Starlette(
        routes=[
            Route("/", _fixed(index), methods=["GET"]),
            Route("/openapi.json", _fixed(document), methods=["GET"]),
            *(Route(each.path, _answering(workbench, each), methods=["GET"]) for each in ENDPOINTS),
        ],
        middleware=[Middleware(Guard, rules=rules)],
        exception_handlers={
            HTTPException: failures.of_http,
            KrakenError: failures.of_error,
            Exception: failures.of_bug,
        },
        lifespan=_bounded,
    )


@asynccontextmanager
async def _bounded(_: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = AT_ONCE
    yield


def _fixed(document: dict[str, Any]) -> Callable[[Request], Response]:
    def answer(_: Request) -> Response:
        return Line(document)

    return answer


def _answering(workbench: Workbench, endpoint: Endpoint) -> Callable[[Request], Response]:
    """Answers requests to an endpoint, each in a thread of its own."""

    def answer(request: Request) -> Response:
        given = parse_query(endpoint.parameters, request.query_params.multi_items())
        in_arrow = ARROW in endpoint.content and wants_arrow(given.get("format"), request.headers.get("accept"))
        workbench.refresh()
        with workbench.undisturbed() if endpoint.of_history else nullcontext():
            found = endpoint.answer(workbench, given)
        return _response(request, found, endpoint, in_arrow=in_arrow)

    return answer


def _response(request: Request, found: EndpointAnswer, endpoint: Endpoint, *, in_arrow: bool) -> Response:
    if found.text is not None:
        return PlainTextResponse(found.text, media_type=next(iter(endpoint.content)))
    following = _next(request, found.cursor)
    document = {**found.document, "next": following} if endpoint.pages else found.document
    headers = {"Link": f'<{following}>; rel="next"'} if following else {}
    if found.table is None:
        return Line(document, headers=headers)
    if in_arrow:
        return Response(as_arrow(found.table, document), media_type=ARROW, headers=headers)
    return Response(as_json(found.table, document), media_type=JSON, headers=headers)


def _next(request: Request, cursor: str | None) -> str | None:
    """The address of the next page, from the server's root on."""
    if cursor is None:
        return None
    others = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f"{request.url.path}?{urlencode([*others, ('cursor', cursor)])}"
