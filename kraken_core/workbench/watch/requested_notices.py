"""Notices that a signal requests: a thread of their own sends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread

from kraken_core.workbench.watch.notices import TEST_NOTICE, Notice


@dataclass(frozen=True, slots=True)
class RequestedNotices:
    """A signal's handler must neither wait for a webhook nor change what it interrupts: it only adds to a queue."""

    _queue: SimpleQueue[Notice | None] = field(default_factory=SimpleQueue)

    def test(self) -> None:
        """Request a notice that nothing happened; one that is requested too early is sent later."""
        self._queue.put(TEST_NOTICE)

    @contextmanager
    def sent(self, notify: Callable[[Notice], None]) -> Iterator[None]:
        """Meanwhile those that are requested are sent; what was requested by the end is sent before it."""
        thread = Thread(target=self._send, args=(notify,), name="requested-notices", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._queue.put(None)
            thread.join()

    def _send(self, notify: Callable[[Notice], None]) -> None:
        while notice := self._queue.get():
            notify(notice)
