"""Open files: a process may have only so many, and Streamlit keeps some for each page that was ever opened."""

from __future__ import annotations

import resource
from contextlib import suppress

import psutil


def raise_limit() -> None:
    """As many as the system lets this process have; where it does not say how many, the limit stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard != resource.RLIM_INFINITY:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limit() -> int:
    """How many this process may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def count() -> int:
    """How many it has."""
    return psutil.Process().num_fds()
