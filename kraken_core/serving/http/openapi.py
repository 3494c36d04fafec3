"""The OpenAPI document, made of the endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kraken_core.serving.http.endpoints import JSON, Endpoint
from kraken_core.workbench.schemas.parts import TEXT, array, record
from kraken_core.workbench.schemas.rows import INCOMPLETE_RANGE

ERROR = record({"error": TEXT, "gaps": array(INCOMPLETE_RANGE)}, ("gaps",))
_ABOUT = (
    "A history of Kraken's candles, only to be read: what is stored, what is missing, and on what evidence. Times are "
    "ISO 8601 UTC, ranges half-open, pairs such as BTC/USD. Lists come in pages: follow `next`."
)
_REFUSALS = {
    "400": "The request is not as described here",
    "401": "The token is missing or wrong",
    "403": "The server is not known by this name",
    "405": "Only GET and HEAD",
    "406": "There is no such format",
    "409": "What was to be complete is not; or a list has changed since its first page",
    "422": "Well formed, and not possible: a pair, tier or date that there is not",
    "500": "An unexpected failure",
    "503": "The home cannot be read just now",
}


def openapi_document(endpoints: Iterable[Endpoint], version: str, *, secured: bool) -> dict[str, Any]:
    """The document of a server; ``secured`` says whether it demands a token."""
    token = {"token": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kraken History Workbench", "version": version, "description": _ABOUT},
        "paths": {each.path: {"get": _operation(each)} for each in endpoints},
        "components": {"schemas": {"Error": ERROR}, **({"securitySchemes": token} if secured else {})},
        **({"security": [{"token": []}]} if secured else {}),
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    content = {kind: {"schema": schema} if schema else {} for kind, schema in endpoint.content.items()}
    failed = {"content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}}
    return {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": [parameter.document for parameter in endpoint.parameters],
        "responses": {
            "200": {"description": endpoint.summary, "content": content},
            **{status: {"description": meaning, **failed} for status, meaning in _REFUSALS.items()},
        },
    }
