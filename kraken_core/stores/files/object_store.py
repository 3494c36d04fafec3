"""A candle table on an object store: S3, and compatible ones.

Every call gives the interpreter free while it waits, so that a store that does not answer, or a line that is slow,
keeps no job from reporting, and no page from being drawn.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import duckdb
import obstore
import pyarrow as pa
from obstore.exceptions import BaseError
from obstore.store import S3Store

from kraken_core.stores.files.duckdb_objects import TRADES, ObjectFiles, TradeObjectFiles
from kraken_core.stores.files.file_names import Name
from kraken_core.stores.files.location import StoredFile, Written, allow, literal, named_whole

# What the environment may set for the object store; the rest of AWS_… is for other programs.
_SAID = frozenset(
    {"access_key_id", "secret_access_key", "session_token", "region", "default_region", "endpoint_url", "allow_http"}
    | {"role_arn", "web_identity_token_file", "container_credentials_relative_uri", "skip_signature"}
    | {"virtual_hosted_style_request", "conditional_put"}
)
_HTTP = "aws_allow_http"  # of the client, not of S3
# How long a request is repeated that may be, for a user at the screen and for a job. What the three libraries
# do on their own ends after ten tries: a store that is restarted refuses as many in two seconds.
BRIEF, PATIENT = timedelta(seconds=5), timedelta(seconds=180)
_TRIES = 1000  # so that time ends them
_FIRST_WAIT, _LONGEST_WAIT = timedelta(milliseconds=100), timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A prefix of an object store, such as ``s3://bucket/prefix``; keys and addresses are in the environment.

    So a copy in another process takes none along. What is put there is durable, and appears whole or not at all.
    """

    address: str
    patience: timedelta = BRIEF

    def __str__(self) -> str:
        return self.address

    @property
    def delta_options(self) -> dict[str, str]:
        """See Location."""
        return {
            **storage_options(os.environ),
            "max_retries": str(_TRIES),
            "retry_timeout": f"{self.patience.total_seconds():g}s",
            "backoff_config.init_backoff": f"{_FIRST_WAIT.total_seconds() * 1000:g}ms",
            "backoff_config.max_backoff": f"{_LONGEST_WAIT.total_seconds():g}s",
        }

    @property
    def polars_options(self) -> dict[str, Any]:
        """See Location."""
        return {
            **storage_options(os.environ),
            "max_retries": _TRIES,
            "retry_timeout_ms": int(self.patience.total_seconds() * 1000),
            "retry_init_backoff_ms": int(_FIRST_WAIT.total_seconds() * 1000),
            "retry_max_backoff_ms": int(_LONGEST_WAIT.total_seconds() * 1000),
        }

    def with_retries(self) -> ObjectStore:
        """See Location."""
        return replace(self, patience=PATIENT)

    def at(self, path: str = "") -> str:
        """See Location."""
        return f"{self.address}/{path}" if path else self.address

    def make(self) -> None:
        """Prefixes need not be made."""

    def write(self, name: Name, write: Callable[[pa.NativeFile], None]) -> Written:
        """See Location."""
        buffer = pa.BufferOutputStream()  # what is closed is there: half a file is not to be
        write(buffer)
        content = buffer.getvalue().to_pybytes()
        path = name(zlib.crc32(content))
        with _translated_errors():
            obstore.put(self._objects, path, content)
        return Written(path, len(content))

    def sync(self, paths: Iterable[str]) -> None:
        """What is there is durable."""

    def size(self, path: str) -> int | None:
        """See Location."""
        found = self._head(path)
        return found["size"] if found else None

    def stamp(self, path: str) -> Hashable:
        """See Location."""
        found = self._head(path)
        return (found["last_modified"], found["e_tag"], found["size"]) if found else None

    def text(self, path: str) -> str:
        """See Location."""
        return self.content(path).decode()

    def content(self, path: str) -> bytes:
        """See Location."""
        with _translated_errors():
            return obstore.get(self._objects, path).bytes().to_bytes()

    def part(self, path: str, start: int, length: int) -> bytes:
        """Some bytes of a file."""
        with _translated_errors():
            return obstore.get_range(self._objects, path, start=start, length=length).to_bytes()

    def files(self, pattern: str) -> Iterator[StoredFile]:
        """See Location."""
        with _translated_errors():
            for some in obstore.list(self._objects, named_whole(pattern) or None):  # so that no other is listed
                for found in some:
                    if PurePosixPath(found["path"]).match(pattern):
                        yield StoredFile(found["path"], found["size"], found["last_modified"].timestamp())

    def remove(self, path: str) -> None:
        """See Location."""
        with _translated_errors():
            obstore.delete(self._objects, path)

    def read_by(self, connection: duckdb.DuckDBPyConnection, name: str, paths: Collection[str]) -> str:
        """See Location. DuckDB is lent our way to the objects: by itself it could not get there."""
        files = TradeObjectFiles if name.startswith(TRADES) else ObjectFiles
        if not connection.filesystem_is_registered(files.protocol):
            connection.register_filesystem(files(self))
            allow(connection, [f"{files.protocol}://"])
        return f"read_parquet({literal(f'{files.protocol}://{path}' for path in paths)}, hive_partitioning = false)"

    def _head(self, path: str) -> obstore.ObjectMeta | None:
        with _translated_errors():
            try:
                return obstore.head(self._objects, path)
            except FileNotFoundError:
                return None

    @property
    def _objects(self) -> S3Store:
        return _store(self.address, self.patience, tuple(storage_options(os.environ).items()))


@lru_cache(maxsize=8)
def _store(address: str, patience: timedelta, options: tuple[tuple[str, str], ...]) -> S3Store:
    said = dict(options)
    return S3Store.from_url(
        address,
        client_options={"allow_http": said.pop(_HTTP, "") == "true"},
        config=said,  # type: ignore[arg-type] # names as the environment has them
        retry_config={
            "max_retries": _TRIES,
            "retry_timeout": patience,
            "backoff": {"init_backoff": _FIRST_WAIT, "max_backoff": _LONGEST_WAIT},
        },
    )


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Whatever goes wrong is an OSError, with a text for people."""
    try:
        yield
    except (BaseError, ValueError) as error:
        raise OSError(str(error).partition("\n\n")[0]) from error


def storage_options(environment: Mapping[str, str]) -> dict[str, str]:
    """What ``AWS_…`` sets for the object store. Commits are conditional writes: of two at once, one lands."""
    said = {name.lower(): value for name, value in environment.items() if name.upper().startswith("AWS_")}
    options = {name: value for name, value in said.items() if name.removeprefix("aws_") in _SAID}
    if options.get("aws_endpoint_url", "").startswith("http://"):
        options.setdefault(_HTTP, "true")
    return {"aws_conditional_put": "etag", **options}
