"""An S3 server that may be killed: what it acknowledged is written down, and done again before it answers anew.

``python -m tests.support.durable_s3 PORT FILE``. Moto, which serves, holds everything in memory.
"""

from __future__ import annotations

import io
import pickle
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple
from werkzeug.test import run_wsgi_app

CHANGES = {"PUT", "POST", "DELETE"}
Environment = dict[str, Any]
Start = Callable[..., Any]


class WritingDown:
    """Carries out what changes something one after the other, and writes it down once it is done."""

    def __init__(self, application: Any, file: Path) -> None:
        self._application = application
        self._file = file
        self._lock = Lock()
        self._uploads: dict[
            str, str
        ] = {}  # what callers were told that an upload in parts is called, and what it is now

    def replay(self) -> None:
        if not self._file.exists():
            return
        with self._file.open("r+b") as file:
            while True:
                whole = file.tell()
                try:
                    environment, body, told = pickle.load(file)  # noqa: S301 - our own
                except (EOFError, pickle.UnpicklingError):  # the last one may be cut short: nobody was told of it
                    file.truncate(whole)  # or whatever is written down from now on would lie behind it unread
                    return
                said, _, _ = self._carried_out(environment, body)
                self._uploads |= dict(zip(told, _uploads(said), strict=True))

    def __call__(self, environment: Environment, start: Start) -> Iterable[bytes]:
        if environment["REQUEST_METHOD"] not in CHANGES:
            answer: Iterable[bytes] = self._application(environment, start)
            return answer
        body = environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))
        with self._lock:
            said, status, headers = self._carried_out(environment, body)
            if status.startswith("2"):
                plain = {name: value for name, value in environment.items() if isinstance(value, str)}
                with self._file.open("ab") as file:
                    pickle.dump((plain, body, _uploads(said)), file)
        start(status, headers.to_wsgi_list())
        return said

    def _carried_out(self, environment: Environment, body: bytes) -> tuple[Iterable[bytes], str, Any]:
        for told, now in self._uploads.items():
            environment = {n: v.replace(told, now) if isinstance(v, str) else v for n, v in environment.items()}
        given = {**environment, "wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
        given = {"wsgi.url_scheme": "http", "wsgi.errors": sys.stderr, "wsgi.version": (1, 0), **given}
        said, status, headers = run_wsgi_app(self._application, given, buffered=True)
        return list(said), status, headers


def _uploads(answer: Iterable[bytes]) -> list[str]:
    """What an answer calls an upload in parts that it began, if it did."""
    found = re.search(rb"<InitiateMultipartUploadResult.*<UploadId>(.+?)</UploadId>", b"".join(answer), re.DOTALL)
    return [found[1].decode()] if found else []


def main() -> None:
    port, file = sys.argv[1:]
    application = DomainDispatcherApplication(create_backend_app)
    durable = WritingDown(application, Path(file))
    durable.replay()
    run_simple("127.0.0.1", int(port), durable, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main()
