"""Who runs a job: so that a job whose worker died is told from one that is working."""

from __future__ import annotations

import os
import socket

import psutil


def this_worker() -> str:
    """This process: host, process id, start time. A process id alone may be used again."""
    return _identity(socket.gethostname(), os.getpid(), psutil.Process().create_time())


def is_lost(worker: str) -> bool:
    """Whether the worker surely is gone: it ran on this host and its process is no more.

    Of other hosts nothing is known here.
    """
    host, pid, _ = worker.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        return process.status() == psutil.STATUS_ZOMBIE or _identity(host, int(pid), process.create_time()) != worker
    except psutil.NoSuchProcess:
        return True


def _identity(host: str, pid: int, created: float) -> str:
    return f"{host}:{pid}:{created:.2f}"
