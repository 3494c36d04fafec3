"""Who runs a job: so that a job whose worker died is told from one that is working."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psutil

_DRIFT_S = 2  # the same process's start, as two processes compute it while the clock is being set


def this_worker() -> str:
    """This process: host, process id, start time. A process id alone may be used again."""
    return f"{_host()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_lost(worker: str) -> bool:
    """Whether the worker surely is gone: it ran on this host and its process is no more.

    Of other hosts nothing is known here; their leases run out.
    """
    host, pid, started = worker.rsplit(":", 2)
    if host != _host():
        return False
    try:
        process = psutil.Process(int(pid))
        another = abs(process.create_time() - float(started)) > _DRIFT_S
        return another or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _host() -> str:
    """Where process ids mean what they mean here: copies of a machine go by one name, some containers too."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        return f"{socket.gethostname()}/{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:  # no Linux
        return socket.gethostname()
