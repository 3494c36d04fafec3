"""A real web server on localhost that hands out the files of a folder, well or badly, and keeps a log of it."""

from __future__ import annotations

import hashlib
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

import pytest

TAIL, PART = re.compile(r"bytes=-(\d+)"), re.compile(r"bytes=(\d+)-(\d+)")
CHUNK = 16 << 10


@dataclass
class RequestLine:
    """A request, and the bytes of body that were sent."""

    name: str
    range: str | None
    status: int
    sent: int


@dataclass
class Fault:
    """What to do with one request: answer a status, or break off after some bytes of the body."""

    status: int | None = None
    break_after: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class FileServer:
    """``faults`` are used up, one a request that asks for a part of a file (or for the whole), None for none."""

    folder: Path
    port: int = 0
    ranges: bool = True
    etags: bool = True
    missing: int = 404
    certificate: Path | None = None  # with its key, in one file: then it speaks TLS
    headers: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    faults: list[Fault | None] = field(default_factory=list)
    fault_tails: bool = False  # whether asking for a file's end uses up faults too
    log: list[RequestLine] = field(default_factory=list, repr=False)  # a property's thousands would fill a screen

    def url(self, path: Path | str = "") -> str:
        name = path.relative_to(self.folder).as_posix() if isinstance(path, Path) else path
        return f"http{'s' if self.certificate else ''}://127.0.0.1:{self.port}/{name}"

    @property
    def sent(self) -> int:
        return sum(asked.sent for asked in self.log)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        files: FileServer = self.server.files
        name = unquote(self.path.lstrip("/").partition("?")[0])
        asked = RequestLine(name, self.headers.get("Range"), 0, 0)
        files.log.append(asked)
        is_tail = asked.range is not None and TAIL.fullmatch(asked.range) is not None
        fault = files.faults.pop(0) if files.faults and (files.fault_tails or not is_tail) else None
        path = files.folder / name
        if name in files.redirects:
            self._say(asked, 302, b"", {"Location": files.redirects[name]})
        elif fault and fault.status:
            self._say(asked, fault.status, b"<html>sorry</html>", fault.headers)
        elif not path.is_file():
            self._say(asked, files.missing, b"<html>nothing here</html>")
        else:
            self._file(asked, path.read_bytes(), fault.break_after if fault else None)

    def _file(self, asked: RequestLine, data: bytes, break_after: int | None) -> None:
        files: FileServer = self.server.files
        tag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        headers = {**({"ETag": tag} if files.etags else {}), **files.headers}
        unchanged = self.headers.get("If-Range") in {None, headers.get("ETag"), headers.get("Last-Modified")}
        if asked.range is None or not files.ranges or not unchanged:
            self._say(asked, 200, data, headers, break_after)
            return
        if match := TAIL.fullmatch(asked.range):
            start, end = max(0, len(data) - int(match[1])), len(data)
        else:
            match = PART.fullmatch(asked.range)
            assert match
            start, end = int(match[1]), min(int(match[2]) + 1, len(data))
        if start >= len(data):
            self._say(asked, 416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        self._say(asked, 206, data[start:end], headers, break_after)

    def _say(
        self,
        asked: RequestLine,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        break_after: int | None = None,
    ) -> None:
        asked.status = status
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if break_after is not None:
            body, self.close_connection = body[:break_after], True
        try:
            for start in range(0, len(body), CHUNK):
                self.wfile.write(body[start : start + CHUNK])
                asked.sent += len(body[start : start + CHUNK])
        except OSError:  # nobody wants the rest
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever hangs up has its reasons."""


@contextmanager
def serving(folder: Path, **how: Any) -> Iterator[FileServer]:
    """The folder's files on a port of their own."""
    files = FileServer(folder, **how)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.files = files  # type: ignore[attr-defined]
        if files.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(files.certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        files.port = server.server_port
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield files
        finally:
            server.shutdown()
            thread.join()


def self_signed(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody else signed, and its key; ``certificate.pem`` beside it has no key."""
    if not (openssl := shutil.which("openssl")):
        pytest.skip("openssl, which makes the certificate, is not installed")
    key, certificate, both = (folder / name for name in ("key.pem", "certificate.pem", "both.pem"))
    made = ["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    written = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", *made, *written], check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both
