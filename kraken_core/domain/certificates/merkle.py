"""The hashes that join the parts of a certificate in one root: a Merkle tree as in RFC 6962, over canonical JSON.

A third party can compute them anew; docs/guide/certificates.md has the same in words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

# What is hashed includes its kind, so that no inner node passes for a leaf, nor a leaf for a seal.
_LEAF, _NODE, _SEAL = b"\x00", b"\x01", b"\x02"
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value without a float
    """The one text of a JSON value: keys sorted, no blanks, ASCII only. There are no floats in certificates."""
    return _ENCODER.encode(value).encode()


def leaf(value: Any) -> bytes:  # noqa: ANN401 - see canonical()
    """The hash of one part."""
    return leaf_of(canonical(value))


def leaf_of(text: bytes) -> bytes:
    """The hash of one part, given its canonical text."""
    return hashlib.sha256(_LEAF + text).digest()


def root(leaves: Sequence[bytes]) -> str:
    """The root over the hashes of at least one part, hexadecimal."""
    return _node(leaves, 0, len(leaves)).hex()


def seal(header: Any) -> str:  # noqa: ANN401 - see canonical()
    """The hash of the statements around the root, the root included, hexadecimal."""
    return hashlib.sha256(_SEAL + canonical(header)).hexdigest()


def _node(leaves: Sequence[bytes], begin: int, end: int) -> bytes:
    """Split at the largest power of two below the number of leaves; a single leaf is its own node."""
    if end - begin == 1:
        return leaves[begin]
    split = begin + (1 << (end - begin - 1).bit_length() - 1)
    return hashlib.sha256(_NODE + _node(leaves, begin, split) + _node(leaves, split, end)).digest()
