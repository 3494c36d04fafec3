"""Everything this package raises on purpose.

KrakenError
├── UsageError            the request itself is wrong: an option, a name, a date        (exit 2)
│   ├── UnknownPairError      a name that is no pair
│   ├── UnknownTierError      a tier that is not defined
│   ├── SettingError          a setting or the tiers file has a wrong value
│   ├── NoCertificateError    a file that is no certificate, or was altered
│   └── SourceError           a source that cannot be opened or is no archive at all
├── HomeError             the home directory cannot be used: newer format, not writable  (exit 1)
├── StoreError            the candle table cannot be read or written
│   ├── CommitConflictError   another process committed to the table meanwhile
│   └── TableLostError        the table is not the one in the ledger, or is older
├── LedgerError           the ledger cannot be read or written
│   └── LedgerAwayError       its database does not answer: it may come back
├── JobError              a job cannot do what was requested
│   ├── IllegalMoveError      a state may not become the other
│   └── JobRunningError       another job works on this candle table, or is being undone
├── ClusterError          the workers of a cluster cannot be reached, or cannot do what they are given
├── BadFileError          one file of an archive cannot be read; the job continues without it
├── UnreachableError      a server of archives does not answer, after patient retries
├── ExchangeError         the exchange's API does not answer as it should
│   ├── UnavailableError      for all pairs: down, in maintenance, unreachable or refusing us, after patient retries
│   └── PairRefusedError      for one pair: it is not listed, or its answers make no sense; the job continues without it
├── CertificateMismatchError  candles, or statements about them, are not those certified
├── IncompleteError       something is missing, or too old, where that was not to be      (exit 4)
└── Interrupted           the job was asked to pause, and paused                         (exit 3)

Each message is one line: what happened, to which file, pair or setting, what was kept, and what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class KrakenError(Exception):
    """The root: catch this to catch all that we raise on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(KrakenError):
    """The request itself is wrong."""

    exit_code = 2


class UnknownPairError(UsageError):
    """A name that is no pair of the exchange."""


class UnknownTierError(UsageError):
    """A tier that is not in the tiers file."""


class SettingError(UsageError):
    """A setting, or the tiers file, has a wrong value."""


class NoCertificateError(UsageError):
    """A document that is no certificate, or not as it was written."""


class SourceError(UsageError):
    """A source that cannot be opened, or is no archive."""


class HomeError(KrakenError):
    """The home directory cannot be used."""


class StoreError(KrakenError):
    """The candle table cannot be read or written."""


class CommitConflictError(StoreError):
    """Another writer committed to the candle table since it was read."""


class TableLostError(StoreError):
    """The candle table is missing, another one, or older than in the ledger: its candles cannot be counted."""


class LedgerError(KrakenError):
    """The ledger cannot be read or written."""


class LedgerAwayError(LedgerError):
    """The ledger's database does not answer; nothing of what was to be written is in it."""


class JobError(KrakenError):
    """A job cannot do what was requested."""


class IllegalMoveError(JobError):
    """A job, file or gap may not move from its state to the other."""


class JobRunningError(JobError):
    """Another job is working on this candle table, or is being undone."""


class ClusterError(KrakenError):
    """The workers of a cluster cannot be reached, or cannot do what they are given."""


class BadFileError(KrakenError):
    """One file of an archive cannot be read."""


class UnreachableError(KrakenError):
    """A server of archives does not answer, despite retries."""


class ExchangeError(KrakenError):
    """The exchange's API does not answer as it should."""


class UnavailableError(ExchangeError):
    """The exchange does not answer for now, despite retries."""


class PairRefusedError(ExchangeError):
    """The exchange answers nothing useful for one pair."""


class CertificateMismatchError(KrakenError):
    """Candles are not those that a certificate vouches for."""


class IncompleteRange(NamedTuple):
    """Slots ``[start, end)`` (epoch seconds) of a pair (``BTC/USD``) at an interval (minutes) that are not complete.

    ``why``: missing, doubtful, or not on evidence of the required grade. ``fill``: what would fill it, for people.
    """

    pair: str
    interval: int
    start: int
    end: int
    why: str
    fill: str


class IncompleteError(KrakenError):
    """More is missing, or what is stored is older, than the caller accepts.

    ``gaps`` are the ranges that are not complete, each with what would fill it; none where the reason is another.
    """

    exit_code = 4

    def __init__(self, message: str, gaps: Sequence[IncompleteRange] = ()) -> None:
        super().__init__(message)
        self.gaps = tuple(gaps)


class Interrupted(KrakenError):  # noqa: N818 - a request that was honoured, not an error
    """The job was asked to pause, and is paused."""

    exit_code = 3


class MoreRequestsNeededError(Interrupted):
    """The job needs more requests than planned, and is paused until that is confirmed."""

    def __init__(self, message: str, job_id: int | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id
