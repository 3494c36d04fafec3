"""What goes wrong with the files of a candle table, in one line each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import polars as pl
from deltalake.exceptions import DeltaError

from kraken_core.domain.errors import StoreError
from kraken_core.domain.file_errors import is_full

_TREE = re.compile(r"\s*\n\s*(?:\x1b\[\d+m)?↳(?:\x1b\[0m)?\s*")  # how Delta sets the causes of an error
_TRACEBACK = re.compile(r"^Traceback \(most recent .*?^\w[\w.]*: ", re.DOTALL | re.MULTILINE)  # DuckDB's, of our error
_KERNELS = (  # what Delta's kernel says of a log, and what that is
    (re.compile(r".*Json error: .*", re.DOTALL), "an entry of its log cannot be read"),
    (re.compile(r".*Expected contiguous commit files.*", re.DOTALL), "an entry of its log is missing"),
)
_AWAY = "error sending request"  # the message of the client that deltalake, polars and obstore share


@contextmanager
def store_errors(verb: str, what: object) -> Iterator[None]:
    """Turn whatever goes wrong inside into one line that names the file or table."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError, DeltaError, _duckdb().Error) as error:
        if is_full(error):
            raise StoreError(
                f"Cannot {verb} {what} of the candle table: its disk is full. The table is as it was; free some space."
            ) from error
        reason = _TREE.sub(": ", _TRACEBACK.sub("", str(error))).strip().partition("\n")[0].rstrip(".")
        for kernels, plain in _KERNELS:
            reason = kernels.sub(plain, reason)
        if _AWAY in str(error):
            raise StoreError(
                f"Cannot {verb} {what} of the candle table: its object store does not answer ({reason}). The table is "
                "as it was; see that the store can be reached (kraken-history doctor) and try again."
            ) from error
        message = (
            f"Cannot {verb} {what} of the candle table: {reason}. The table is unchanged; fix that and try again "
            "(what is lost for good comes from a backup, or kraken-history doctor --repair reads its archives again)."
        )
        raise StoreError(message) from error


def _duckdb() -> ModuleType:
    """Loaded only once something went wrong: most reads are without it."""
    import duckdb  # noqa: PLC0415 - see above

    return duckdb


@contextmanager
def read_errors(what: object) -> Iterator[None]:
    """The same for queries of others inside: what is wrong with a query itself stays DuckDB's word."""
    try:
        yield
    except _duckdb().Error as error:
        if isinstance(error, _duckdb().IOException) or _TRACEBACK.search(str(error)):
            with store_errors("read", what):
                raise
        raise
