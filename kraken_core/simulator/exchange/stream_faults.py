"""What may go wrong with a stream: messages lost, repeated or swapped, and connections that end or fall silent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamFaults:
    """Shares are of messages, from 0 to 1, and depend on the seed and the connection's number alone.

    ``dropped`` messages are not sent, ``repeated`` ones are sent twice, ``swapped`` ones after the one that follows.
    After every ``cut_after`` messages of trades a connection is cut, in the middle of a burst; after ``silent_after``
    it stays open, and nothing comes any more. 0: never.
    """

    seed: int = 0
    dropped: float = 0.0
    repeated: float = 0.0
    swapped: float = 0.0
    cut_after: int = 0
    silent_after: int = 0


FAULTLESS = StreamFaults()
