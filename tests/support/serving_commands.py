"""Commands that answer others until they are stopped: the simulated exchange, and a home over HTTP."""

from __future__ import annotations

import json
import subprocess
from typing import Any


def document(serving: subprocess.Popen[str]) -> Any:
    """The JSON it prints before it begins to answer."""
    assert serving.stdout
    lines: list[str] = []
    for line in serving.stdout:
        lines.append(line)
        if line == "}\n":
            break
    return json.loads("".join(lines))
