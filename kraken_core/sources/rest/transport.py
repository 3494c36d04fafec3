"""One request over HTTP: a body, or why there is none. Messages have no more of an address than its host."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import requests

from kraken_core.domain.errors import Interrupted
from kraken_core.ports import Access, never_stop
from kraken_core.sources.bounded import PIECE_BYTES, BoundedRequest
from kraken_core.sources.rest.failures import NoAnswerError, Policy, refused_by
from kraken_core.sources.session import prepare, unreached

TIMEOUT_S = (10.0, 20.0)  # to connect; for a piece of an answer, or its end
_ONCE_S = (3.0, 5.0)  # likewise, where a user waits to see whether there is an answer at all
MOST_BYTES = 64 << 20  # of an answer; the largest, AssetPairs, has about one MB
_PEACE_S = 5.0  # after "too many requests" without a time to come back
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
_OF_THE_QUESTION = {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
_REFUSING = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS}


def timeout_of(access: Access) -> tuple[float, float]:
    """How long answers are waited for where an exchange is opened so."""
    return _ONCE_S if access.once else TIMEOUT_S


class Transport:
    """Sends requests to the public endpoints at an address; ``stop`` ends one that is under way. Thread-safe.

    Endpoints are below ``path``. ``errors`` are the exchange's own in a body that came with a refusal; ``setting`` is
    the one that names the address.
    """

    def __init__(
        self,
        url: str,
        timeout_s: tuple[float, float] = TIMEOUT_S,
        stop: Callable[[], bool] = never_stop,
        path: str = "",
        *,
        errors: Callable[[bytes], list[str]] | None = None,
        setting: str = "api_url",
    ) -> None:
        self._session = requests.Session()
        prepare(self._session)
        self._session.auth = _anonymous
        self._session.headers["Accept"] = "application/json"
        self._url = "/".join(part for part in (url.rstrip("/"), path) if part) + "/"
        self._errors = errors or _listed_errors
        self._setting = setting
        self._timeout_s = timeout_s
        self._stop = stop
        self.host = _host(url)

    def close(self) -> None:
        """Close the connections that are kept open; more are opened where needed."""
        self._session.close()

    __del__ = close

    def get(self, endpoint: str, parameters: Mapping[str, str | int]) -> bytes:
        """The body of an answer. Raises NoAnswerError, Interrupted."""
        with BoundedRequest(self._timeout_s[1], self._stop) as request:
            try:
                body = self._get(endpoint, parameters, request)
            except NoAnswerError as error:
                _check_whole(request, error)
                raise
            _check_whole(request)  # an answer without a length ends where it was cut off
            return body

    def _get(self, endpoint: str, parameters: Mapping[str, str | int], request: BoundedRequest) -> bytes:
        try:
            with self._session.get(
                self._url + endpoint,
                params=parameters,
                timeout=self._timeout_s,
                stream=True,
                allow_redirects=False,
            ) as answer:
                request.answer = answer
                self._check(answer)
                return _body(answer)
        except requests.exceptions.SSLError as error:
            if "CERTIFICATE" in str(error):
                raise NoAnswerError("its TLS certificate is not valid", Policy.ALL, reached=False) from error
            raise NoAnswerError("the TLS connection broke", Policy.REPEAT, reached=False) from error
        except requests.exceptions.Timeout as error:
            raise NoAnswerError("no answer in time", Policy.REPEAT) from error
        except (
            requests.exceptions.ConnectionError,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ) as error:
            raise NoAnswerError(unreached(error), Policy.REPEAT, reached=False) from error
        except requests.exceptions.RequestException as error:
            reason = f"invalid request ({type(error).__name__}): check the setting {self._setting}"
            raise NoAnswerError(reason, Policy.ALL) from error

    def _check(self, answer: requests.Response) -> None:
        """Raises NoAnswerError for every status but 200: errors of the exchange come with that too."""
        status = answer.status_code
        if status == HTTPStatus.OK:
            return
        reason = f"HTTP status {status}"
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise NoAnswerError(reason, Policy.SLOWER, _retry_after(answer) or _PEACE_S)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
            raise NoAnswerError(reason, Policy.REPEAT, _retry_after(answer))
        if status in _REFUSING:
            raise NoAnswerError(f"{reason}: access refused", Policy.REFUSED)
        if status in _OF_THE_QUESTION and (errors := self._refusal(answer)):
            raise refused_by(errors)
        raise NoAnswerError(f"{reason}: check the setting {self._setting}", Policy.ALL)

    def _refusal(self, answer: requests.Response) -> list[str]:
        """The exchange's own errors in a body: it refuses this request, and not all of them."""
        return self._errors(_body(answer))


def _check_whole(request: BoundedRequest, error: NoAnswerError | None = None) -> None:
    """Raises what it means that a request was cut off, if it was."""
    if request.stopped:
        raise Interrupted("stopped on request, while the exchange was answering") from error
    if request.reason:
        raise NoAnswerError(request.reason, Policy.REPEAT) from error


def _host(url: str) -> str:
    """As it may be shown: what a password might be part of is left out."""
    parts = urlsplit(url)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.hostname or 'the exchange'}{port}"


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """In place of credentials in ~/.netrc: the endpoints are public."""
    return request


def _listed_errors(body: bytes) -> list[str]:
    """Those of Kraken spot, in JSON."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return []
    errors = document.get("error") if isinstance(document, dict) else None
    return [str(error) for error in errors] if isinstance(errors, list) else []


def _retry_after(answer: requests.Response) -> float:
    """For how long to send no requests: given in seconds, or as a date by the server's clock."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        then, now = (parsedate_to_datetime(each) for each in (text, answer.headers.get("Date", "")))
        return max(0.0, (then - now).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _body(answer: requests.Response) -> bytes:
    body = bytearray()
    for piece in answer.iter_content(PIECE_BYTES):
        body += piece
        if len(body) > MOST_BYTES:
            raise NoAnswerError(f"it sends more than {MOST_BYTES >> 20} MB", Policy.REPEAT)
    return bytes(body)
