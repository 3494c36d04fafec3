"""See :class:`Certificates`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kraken_core import DISTRIBUTION, __version__
from kraken_core.domain.certificates.candle_hashes import HASHED, month_hashes, month_name, month_of, month_start
from kraken_core.domain.certificates.certificate import Certificate
from kraken_core.domain.certificates.comparison import compared, compared_candles
from kraken_core.domain.errors import CertificateMismatchError, StoreError, UsageError
from kraken_core.domain.gc_pause import gc_paused
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges
from kraken_core.ports import Mendable, Progress, no_progress
from kraken_core.workbench import requests
from kraken_core.workbench.certificates.certify import Certifying
from kraken_core.workbench.certificates.checked import NAMED, CheckedCertificate
from kraken_core.workbench.certificates.checked_files import CheckedFiles
from kraken_core.workbench.certificates.exported import exported_months
from kraken_core.workbench.certificates.files import read_certificate
from kraken_core.workbench.certificates.hashing import Hashing
from kraken_core.workbench.certificates.month_cache import MonthCache
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.queries.candles import at_version

SOFTWARE = f"{DISTRIBUTION} {__version__}"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Makes certificates of a home, and compares candles with them."""

    home: OpenHome

    @gc_paused()
    def certify(self, *, progress: Progress = no_progress, **selection: Any) -> Certificate:  # noqa: ANN401 - see requests.selection()
        """What is stored of a selection, and on what evidence. Arguments as for Workbench.select.

        Only months that changed since the last time are read. Raises UsageError where nothing of it is stored,
        StoreError where candles cannot be read, a file of theirs is not as it was written, or they changed meanwhile.
        """
        chosen = requests.selection(self.home.tiers, self.home.ledger.names(), **selection)
        with self._unchanged():
            return self._certifying(progress).certificate(chosen)

    @gc_paused()
    def check(
        self, path: str | Path, *, data: str | Path | None = None, progress: Progress = no_progress
    ) -> CheckedCertificate:
        """Compare this home with a certificate, or the exported candles in ``data``: a folder, or one file.

        Of a home all is compared: candles, coverage, claims, gaps; every file of its table is read, but candles only
        where their month is not known by the checksums of its files. Of an export candles alone. Needs no network.
        Raises NoCertificateError, UsageError where ``data`` holds nothing of it, StoreError as :meth:`certify`.
        """
        certificate = read_certificate(path)
        if data is None:
            series = [each.series for each in certificate.series]
            with self._unchanged():
                found = self._certifying(progress, trusting=False).of(series, certificate.span)
            return CheckedCertificate(certificate, compared(certificate.series, found), whole=True)
        months = exported_months(Path(data), [each.series for each in certificate.series], certificate.span)
        return CheckedCertificate(certificate, compared_candles(certificate.series, months), whole=False)

    def require(
        self, path: str | Path, pair: Pair, interval: int, window: TimeRange, version: int | None = None
    ) -> TimeRange:
        """The window, as far as it is certified, once its candles were found to be those certified, to the bit.

        Whole months are compared, as that is what is certified. A window that is open to one side ends where the
        certificate does. Raises CertificateMismatchError where they are others, UsageError where the window is not
        within what is certified, NoCertificateError.
        """
        certificate, series = read_certificate(path), Series(pair, interval)
        span = certificate.span
        window = TimeRange(window.start or span.start, span.end if window.end == END_OF_TIME else window.end)
        of_series = next((each for each in certificate.series if each.series == series), None)
        if of_series is None or window.start < span.start or window.end > span.end:
            raise UsageError(
                f"{path} does not certify {series} in {window}: it is of {span}, and of "
                f"{', '.join(str(each.series) for each in certificate.series[:NAMED]) or 'no series'}"
                f"{', …' * (len(certificate.series) > NAMED)}."
            )
        months = range(month_of(window.start), month_of(max(window.start, window.end - 1)) + 1)
        read = TimeRange(max(month_start(months[0]), span.start), min(month_start(months[-1] + 1), span.end))
        candles = at_version(self.home.store, version).candles({series: TimeRanges.single(*read)}, HASHED)
        names = set(map(month_name, months))
        certified = replace(of_series, months=tuple(each for each in of_series.months if each.month in names))
        comparison = compared_candles([certified], month_hashes(candles, interval))
        if comparison.months:
            raise CertificateMismatchError(
                f"the candles are not those of {path}: {comparison.months[0]}. Nothing was read; kraken-history "
                f"check-certificate {path} shows all that differs."
            )
        return window

    @contextmanager
    def _unchanged(self) -> Iterator[None]:
        """Raises StoreError where candles or ledger changed inside: what was read of them is of no one moment."""
        before = self.home.change_token
        yield
        if self.home.change_token != before:
            raise StoreError("the history changed while it was read, as a job runs: try again when none does.")

    def _certifying(self, progress: Progress, *, trusting: bool = True) -> Certifying:
        store, folder = self.home.store, self.home.settings.home / "certificates"
        spoiled = frozenset(store.damaged()) if not trusting and isinstance(store, Mendable) else frozenset[str]()
        checked = CheckedFiles.load(folder / "files.json") if trusting else None
        hashing = Hashing(store, MonthCache.load(folder / "months.parquet"), progress, checked, spoiled)
        return Certifying(self.home.ledger, self.home.holdings, hashing, SOFTWARE)
