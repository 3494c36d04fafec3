"""JSON for people and programs: indented, and written by json's fast encoder, which itself knows no indents."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any


def indented(value: Any, line: str = "\n") -> str:  # noqa: ANN401 - any JSON value
    """As ``json.dumps(value, indent=2, ensure_ascii=False)`` writes it, several times as fast; keys are texts.

    ``line`` begins a line at the value's own depth. Whatever has no more depth is one call of the encoder, whose
    separators break the lines.
    """
    if not isinstance(value, (dict, list, tuple)) or not value:
        return _encoder(line)(value)
    deeper = f"{line}  "
    parts = value.values() if isinstance(value, dict) else value
    if not any(isinstance(part, (dict, list, tuple)) for part in parts):
        text = _encoder(deeper)(value)
        return f"{text[0]}{deeper}{text[1:-1]}{line}{text[-1]}"
    texts = (indented(part, deeper) for part in parts)
    if isinstance(value, dict):
        texts = (f"{_encoder(line)(key)}: {text}" for key, text in zip(value, texts, strict=True))
        return f"{{{deeper}{f',{deeper}'.join(texts)}{line}}}"
    return f"[{deeper}{f',{deeper}'.join(texts)}{line}]"


@cache
def _encoder(line: str) -> Callable[[Any], str]:
    return json.JSONEncoder(ensure_ascii=False, separators=(f",{line}", ": ")).encode
