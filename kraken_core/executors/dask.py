"""Batches read by the workers of a Dask cluster, on any number of machines.

Tasks and receipts are all that passes through the scheduler: workers read the archives and write the candle table
themselves, so both have to be where every worker reaches them. A batch whose worker is lost is read again by another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from kraken_core.domain.errors import ClusterError, KrakenError, SettingError
from kraken_core.domain.redaction import hide_secrets, without_secrets
from kraken_core.ports import WorkerPool

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local"  # instead of an address: a cluster on this machine, for as long as the job takes
PATIENCE_S = 30  # how long a scheduler may take to answer, and its first worker to be there
RETRIES = 2  # of a batch that failed by something other than the batch

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def cluster(address: str, count: int) -> Iterator[WorkerPool]:
    """The pool of a scheduler's address, or of LOCAL: ``count`` processes of one thread each.

    Raises SettingError without the extra ``dask``, ClusterError where there is no scheduler, or no worker.
    """
    with _client(address, count, PATIENCE_S) as client:
        _await_workers(client, address, PATIENCE_S)
        threads = client.nthreads()
        description = (
            f"{len(threads)} Dask workers at {client.scheduler_info()['address']}, watched at {client.dashboard_link}"
        )
        yield WorkerPool(_DaskExecutor(client, address), sum(threads.values()), description)


def other_versions(address: str, patience_s: int = 5) -> list[str]:
    """The workers that run another version of this program than ours. Raises as :func:`cluster`."""
    with _client(address, 1, patience_s) as client:
        _await_workers(client, address, patience_s)
        return [worker for worker, found in client.run(_version).items() if found != _version()]


def _version() -> str:
    return version("kraken-history-workbench")


def _await_workers(client: Client, address: str, patience_s: int) -> None:
    try:
        client.wait_for_workers(1, timeout=patience_s)
    except TimeoutError as error:
        raise ClusterError(
            f"the Dask scheduler at {without_secrets(address)} has no workers: start some "
            f"(dask worker {without_secrets(address)})."
        ) from error


@contextmanager
def _client(address: str, count: int, patience_s: int) -> Iterator[Client]:
    try:
        from distributed import Client, LocalCluster  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise SettingError(
            "the setting 'dask' needs the extra of that name: pip install 'kraken-history-workbench[dask]'"
        ) from error
    for name in ("distributed", "distributed.client", "distributed.scheduler", "asyncio", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # it logs in ten lines what an error of ours has in one
    if address == LOCAL:
        with (
            LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address="127.0.0.1:0") as local,
            Client(local) as client,
        ):
            yield client
        return
    try:
        client = Client(address, timeout=patience_s)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {without_secrets(address)}: "
            f"{hide_secrets(' '.join(str(error).split()), address)[:200]}. "
            "Start it, or correct the setting 'dask'."
        ) from error
    with client:
        yield client


class _DaskExecutor(Executor):
    """``client.get_executor()``, with errors of one line."""

    def __init__(self, client: Client, address: str) -> None:
        self._executor = client.get_executor(pure=False, retries=RETRIES)
        self._address = without_secrets(address)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a worker do it."""
        theirs = self._executor.submit(fn, *args, **kwargs)
        ours: Future[T] = Future()
        theirs.add_done_callback(lambda _: self._hand_over(theirs, ours))
        ours.add_done_callback(lambda _: theirs.cancel() if ours.cancelled() else None)
        return ours

    def _hand_over(self, theirs: Future[T], ours: Future[T]) -> None:
        if not ours.set_running_or_notify_cancel():
            return
        if theirs.cancelled():
            ours.set_exception(
                ClusterError(
                    f"the Dask scheduler at {self._address} was lost. What was committed is kept: start it again, "
                    "with its workers."
                )
            )
        elif error := theirs.exception():
            ours.set_exception(error if isinstance(error, KrakenError) else self._cluster_error(error))
        else:
            ours.set_result(theirs.result())

    def _cluster_error(self, error: BaseException) -> ClusterError:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        description = ClusterError(f"the Dask workers of {self._address} could not read a batch: {reason}.")
        description.__cause__ = error
        return description
