"""Requests to web servers: TLS verified, bounded time-outs and retries, and no credentials in messages.

A message names the address that the user named, never one it leads to: those may be signed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests

from kraken_core.domain.errors import SourceError, UnreachableError
from kraken_core.sources.bounded import BoundedRequest
from kraken_core.sources.session import prepare, unreached

TIMEOUT_S = (10.0, 30.0)  # to connect; for a piece of an answer, or its end
TRIES = 5  # in a row that brought nothing worth while
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
_ABSENT = {403, 404, 410}  # object stores answer 403 for what is not there, where listing is not allowed
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_FAILED, _FOUND, _RANGE_REFUSED = 400, 200, 416
_REDIRECTS = 5


class BreakError(Exception):
    """An answer that broke off, or did not come, and may well come next time. Never leaves this folder."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s  # as the server demands


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where an answer leads. Raises SourceError where that is less safe than the request."""
        target = super().get_redirect_target(resp)
        if target is not None:
            try:
                before, after = urlsplit(resp.url).scheme, urlsplit(urljoin(resp.url, target)).scheme
            except ValueError as error:
                resp.close()
                raise SourceError("its server redirects to something that is no address") from error
            if after not in {"https", before}:
                resp.close()
                raise SourceError(f"its server redirects from {before} to {after or 'nowhere'}, which is not followed")
        return target


def _session() -> requests.Session:
    session = _Session()
    session.max_redirects = _REDIRECTS
    prepare(session)
    session.headers["Accept-Encoding"] = "identity"
    return session


class Web:
    """One polite client. Thread-safe."""

    def __init__(self) -> None:
        self._session = _session()

    def close(self) -> None:
        """Close the connections that are kept open; more are opened where needed."""
        self._session.close()

    __del__ = close

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[requests.Response]:
        """One answer, its body unread: 200, 206, 416, or one that means that nothing is there (see :func:`absent`).

        Raises BreakError, also out of the body of the with statement, where trying again may help; else SourceError.
        """
        with BoundedRequest(TIMEOUT_S[1]) as request:
            try:
                with self._get(url, headers, request) as answer:
                    yield answer
            except (BreakError, SourceError) as error:
                if request.reason:  # and nothing follows from an answer that was cut off
                    raise BreakError(request.reason) from error
                raise
            if request.reason:  # an answer without a length ends where it was cut off
                raise BreakError(request.reason)

    @contextmanager
    def _get(self, url: str, headers: Mapping[str, str] | None, request: BoundedRequest) -> Iterator[requests.Response]:
        try:
            with self._session.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
                request.answer = answer
                _check(answer)
                yield answer
        except requests.exceptions.SSLError as error:
            if "CERTIFICATE" in str(error):
                raise SourceError("its server's TLS certificate is not valid") from error
            raise BreakError("the TLS connection to its server broke") from error
        except requests.exceptions.TooManyRedirects as error:
            raise SourceError(f"its server redirects more than {_REDIRECTS} times") from error
        except requests.exceptions.Timeout as error:
            raise BreakError("no answer from its server in time") from error
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise BreakError(f"its server was not reached: {unreached(error)}") from error
        except requests.exceptions.RequestException as error:
            raise SourceError(f"invalid request to its server ({type(error).__name__})") from error


def absent(answer: requests.Response) -> bool:
    """Whether an answer means that nothing is there: plainly, or by a page for people in place of the file."""
    return answer.status_code in _ABSENT or answer.headers.get("Content-Type", "").lower().startswith("text/html")


def _check(answer: requests.Response) -> None:
    status = answer.status_code
    if status in _PASSING:
        retry_after = answer.headers.get("Retry-After", "")
        raise BreakError(
            f"its server returned HTTP status {status}", float(retry_after) if retry_after.isdecimal() else 0.0
        )
    if status >= _FAILED and status not in {*_ABSENT, _RANGE_REFUSED}:
        raise SourceError(f"its server returned HTTP status {status}")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise SourceError("its server compresses what it sends, so that parts of a file cannot be read")


@dataclass(slots=True)
class RetryLimits:
    """How often one piece of work was tried in vain; waits longer each time."""

    url: str
    failures: int = 0

    def wait(self, error: BreakError, *, progressed: bool = False) -> None:
        """Wait before the next try. Raises UnreachableError instead, where there were enough."""
        self.failures = 1 if progressed else self.failures + 1
        if self.failures >= TRIES:
            raise UnreachableError(
                f"{self.url}: {error}, {self.failures} times in a row. What was read is kept; try again later."
            ) from error
        time.sleep(min(max(FIRST_PAUSE_S * 2 ** (self.failures - 1), error.wait_s), LONGEST_PAUSE_S))
