"""Ports for servers of tests that have to know theirs before they start, or find it free when they start anew."""

from __future__ import annotations

import socket
from contextlib import suppress
from random import SystemRandom

# Below those that systems give to whoever connects to something: one of them may be taken while a server is away.
_ANY = range(10_000, 32_768)
_CHANCE = SystemRandom()  # not shared with tests, which begin anew from the same seed in every process


def free_port() -> int:
    """One that nobody has."""
    while True:
        port = _CHANCE.choice(_ANY)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
