"""MANIFEST.json: what a release states of itself (domain 1.1)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.errors import BadFileError
from kraken_core.domain.timerange import day_start

MANIFEST = "MANIFEST.json"
MAX_MANIFEST_BYTES = 1 << 20  # Kraken's has 300
_PRODUCT, _SCHEMA_VERSION = "ohlcvt", 1
_KRAKEN_FOUNDED = date(2011, 1, 1)  # in that year; nothing of it is older


@dataclass(frozen=True, slots=True)
class Manifest:
    """A release's statement; ``files`` and ``rows`` (None: not given) are how many it should contain.

    ``generated`` is in epoch seconds where given, ``identity`` a hash of its content, however it is formatted.
    """

    statement: ArchiveStatement
    files: int
    rows: int | None
    generated: int | None
    identity: str

    @classmethod
    def parse(cls, text: bytes) -> Manifest:
        """The manifest in ``text``. Raises BadFileError where it is none, of another product, or contradicts itself."""
        try:
            document = json.loads(text)
            if (document["product"], document["schema_version"]) == (_PRODUCT, _SCHEMA_VERSION):
                return cls._of(document)
        except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise BadFileError(f"it is broken ({type(error).__name__}: {error})") from error
        raise BadFileError(f"it is not of product {_PRODUCT!r}, schema_version {_SCHEMA_VERSION}")

    @classmethod
    def _of(cls, document: dict[str, Any]) -> Manifest:
        coverage = dict(document["coverage"])
        start, end, generated = _day(coverage.get("start")), _day(coverage["end"]), _day(document.get("generated"))
        if end is None or not _KRAKEN_FOUNDED <= (start or end) <= end <= (generated or end):
            raise ValueError(f"coverage from {start} to {end}, generated {generated}")
        files = document["files"]
        if not isinstance(files, int) or isinstance(files, bool):
            raise TypeError(f"files is {files!r}")
        rows = document.get("rows")
        return cls(
            ArchiveStatement(_midnight(start), day_start(end + timedelta(days=1))),
            files,
            rows if isinstance(rows, int) and not isinstance(rows, bool) else None,
            _midnight(generated),
            hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest(),
        )


def _midnight(day: date | None) -> int | None:
    return None if day is None else day_start(day)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
