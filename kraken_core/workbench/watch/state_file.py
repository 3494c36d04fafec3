"""A state that one process alone writes, and others read: a small file of JSON in the home."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kraken_core.workbench.jobs.log import LOG


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write it: what is read is always whole. A file that cannot be written is logged, and stops nothing."""
    beside = path.with_suffix(".new")
    try:
        beside.write_text(json.dumps(state), encoding="utf-8")
        os.replace(beside, path)  # noqa: PTH105 - what is read is always whole
    except OSError as error:
        LOG.warning("%s could not be written: %s", path, error.strerror)
