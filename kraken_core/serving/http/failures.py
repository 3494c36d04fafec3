"""Refusals and failures: one line of JSON that says what happened and what to do."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kraken_core.domain.errors import IncompleteError, KrakenError, UsageError
from kraken_core.serving.http.paging import ChangedError
from kraken_core.serving.http.parameters import BadRequestError
from kraken_core.workbench.slot_document import incomplete_rows

LOG = logging.getLogger("kraken_core")
_BY_ERROR: tuple[tuple[type[KrakenError], int], ...] = (  # the first that fits
    (BadRequestError, 400),
    (UsageError, 422),
    (IncompleteError, 409),
    (ChangedError, 409),
    (KrakenError, 503),
)
_MESSAGES = {
    404: "there is nothing at this address: see /openapi.json.",
    405: "this server is only to be read: use GET.",
}


class Line(JSONResponse):
    """A JSON document in one line, as a terminal shows it."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - JSON
        """The document, and the end of its line."""
        return super().render(content) + b"\n"


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as an answer."""
    return Line({"error": _in_one_line(message)}, status, headers)


def of_error(_: Request, error: Exception) -> Response:
    """The answer to a request that failed on purpose."""
    status = next(status for kind, status in _BY_ERROR if isinstance(error, kind))
    ranges = {"gaps": incomplete_rows(error)} if isinstance(error, IncompleteError) else {}
    return Line({"error": _in_one_line(str(error)), **ranges}, status)


def of_http(_: Request, error: Exception) -> Response:
    """The answer where there is no such path, or no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    return refusal(error.status_code, _MESSAGES.get(error.status_code, error.detail), error.headers)


def of_bug(_: Request, error: Exception) -> Response:
    """The answer to what nobody foresaw; the log has the rest."""
    LOG.error("unexpected", exc_info=error)
    return refusal(500, f"unexpected {type(error).__name__}: the server's log shows the details (--verbose).")


def _in_one_line(message: str) -> str:
    return " ".join(message.split())
