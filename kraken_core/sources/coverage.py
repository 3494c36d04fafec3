"""COVERAGE.json: what exported files cover, so that missing slots do not come back as slots without trades."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kraken_core.domain.archives import StatedCoverage
from kraken_core.domain.errors import BadFileError
from kraken_core.domain.timerange import TimeRanges, iso

COVERAGE = "COVERAGE.json"
MAX_COVERAGE_BYTES = 256 << 20  # some million ranges
_PRODUCT, _SCHEMA_VERSION = "kraken-history-export", 1


def parse_coverage(text: bytes) -> dict[str, StatedCoverage]:
    """What each file covers, by its name. Raises BadFileError."""
    try:
        document = json.loads(text)
        if (document["product"], document["schema_version"]) == (_PRODUCT, _SCHEMA_VERSION):
            return {str(name): _coverage(file) for name, file in document["files"].items()}
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise BadFileError(f"{COVERAGE} is broken ({type(error).__name__}: {error})") from error
    raise BadFileError(f"{COVERAGE} is not of product {_PRODUCT!r}, schema_version {_SCHEMA_VERSION}")


def coverage_text(files: Mapping[str, StatedCoverage]) -> bytes:
    """The text of what files cover, by their names."""
    described = {
        name: {"sha256": file.content_hash, "covered": [[iso(start), iso(end)] for start, end in file.covers]}
        for name, file in sorted(files.items())
    }
    document = {"product": _PRODUCT, "schema_version": _SCHEMA_VERSION, "files": described}
    return json.dumps(document, indent=1).encode()


def _coverage(file: Mapping[str, Any]) -> StatedCoverage:
    spans = [(_instant(start), _instant(end)) for start, end in file["covered"]]
    if any(start >= end for start, end in spans):
        raise ValueError("a range ends before it begins")
    return StatedCoverage(str(file["sha256"]), TimeRanges.of(spans))


def _instant(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return int(moment.timestamp())
