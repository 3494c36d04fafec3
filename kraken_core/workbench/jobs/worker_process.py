"""The process that runs a job: starting one that outlives its starter, and seeing whether it still works."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from kraken_core.domain.errors import JobError

_TICKS = "t"  # how a start begins that is counted in ticks since boot
_START_FIELD = 19  # starttime, of the fields behind the name: proc(5) counts it as the 22nd
_DRIFT_S = 2  # where all there is are times by the clock, which is set now and then


def start_worker(home: Path, job_id: int, log: Path, workers: int | None = None) -> None:
    """Run a job in a process of its own; returns at once. The process's output goes to ``log``."""
    start_process("kraken_core.worker", [str(home), str(job_id), *([str(workers)] if workers else [])], home, log)


def start_process(module: str, arguments: Sequence[str], home: Path, log: Path) -> None:
    """Run a module that leaves its starter at once (see ``kraken_core/worker.py``), in the home."""
    # -P: the process works in the home, and a file random.py there is no module of Python's.
    with log.open("ab") as output:
        subprocess.run(
            [sys.executable, "-P", "-m", module, *arguments],
            check=True,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def signal_worker(worker: str, number: signal.Signals) -> None:
    """Send a signal to a process of this host that is not gone. Raises JobError where it is, or runs elsewhere."""
    host, pid, _ = worker.rsplit(":", 2)
    if not is_here(worker):
        raise JobError(f"it runs on another host or in another container ({host.split('/')[0]}): end it there.")
    if is_lost(worker):
        raise JobError("it does not run any more.")
    os.kill(int(pid), number)


def this_worker() -> str:
    """This process: host, process id, start. A process id alone may be used again."""
    return f"{_host()}:{os.getpid()}:{_ticks(os.getpid()) or f'{psutil.Process().create_time():.2f}'}"


def is_here(worker: str) -> bool:
    """Whether the worker's process id means anything here: it is of this host, since it was started."""
    return worker.rsplit(":", 2)[0] == _host()


def is_lost(worker: str) -> bool:
    """Whether the worker surely is gone: it ran on this host and its process is no more.

    Of other hosts nothing is known here; their leases run out.
    """
    if not is_here(worker):
        return False
    _, pid, started = worker.rsplit(":", 2)
    try:
        process = psutil.Process(int(pid))
        return not _began(process, started) or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _began(process: psutil.Process, started: str) -> bool:
    """Whether a process is the one that started then; earlier versions of this program went by the clock alone."""
    if started.startswith(_TICKS):
        return _ticks(process.pid) == started
    return abs(process.create_time() - float(started)) <= _DRIFT_S


def _ticks(pid: int) -> str:
    """When a process started, in ticks since this machine did, whatever its clock is set to; "" where unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    _, _, fields = stat.rpartition(")")  # the name before it may contain anything
    return f"{_TICKS}{fields.split()[_START_FIELD]}"


def _host() -> str:
    """Where process ids mean what they mean here: copies of a machine go by one name, some containers too."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        return f"{socket.gethostname()}/{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:  # no Linux
        return socket.gethostname()
