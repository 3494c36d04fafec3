"""A connection that is closed where its client keeps the server waiting for a request."""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle, Transport
from typing import ClassVar, cast

from uvicorn.protocols.http.h11_impl import H11Protocol


class TimedConnection(H11Protocol):
    """uvicorn's, with a time within which each request has to be there as a whole, however it trickles in.

    uvicorn itself waits for ever once a byte has come. The time runs from when the connection began, or from the last
    answer on it, and stands still while there is an answer to be made.
    """

    request_s: ClassVar[float] = 10
    _deadline: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """See asyncio.Protocol."""
        super().connection_made(cast("Transport", transport))
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        super().data_received(data)
        self._expect_request()

    def on_response_complete(self) -> None:
        """An answer is made: the next request is expected."""
        super().on_response_complete()
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._end_wait()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        is_answered = getattr(self.cycle, "response_complete", True)  # before the first request there is no cycle
        if self.transport.is_closing() or not is_answered:
            self._end_wait()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.request_s, self.transport.close)

    def _end_wait(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
