"""Whole processes, from their start to their exit, by the processor's time that they take."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys

RUNS = 5


def children_s() -> float:
    """The processor's time of all processes that this one started and saw end, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def environment() -> dict[str, str]:
    """This process's, but that modules are compiled once, as they are for any user."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def processor_s(*arguments: str) -> float:
    """Seconds of a processor that a process of Python takes, the median of several; none before it was compiled."""
    run_python(*arguments)
    return statistics.median(_once(*arguments) for _ in range(RUNS))


def _once(*arguments: str) -> float:
    before = children_s()
    run_python(*arguments)
    return children_s() - before


def run_python(*arguments: str) -> str:
    """What it prints."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment()).stdout
