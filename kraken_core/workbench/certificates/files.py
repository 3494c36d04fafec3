"""Certificates as files: written whole or not at all, and read only as they were written."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from kraken_core.domain.certificates.certificate import Certificate, parse
from kraken_core.domain.errors import NoCertificateError
from kraken_core.domain.file_errors import write_errors
from kraken_core.stores.files.regular import regular


def write_certificate(path: Path, certificate: Certificate) -> None:
    """Write a certificate. Raises UsageError where it cannot be written, HomeError where its disk is full."""
    partial = path.with_name(f".{path.name}.part")
    with write_errors(path):
        try:
            partial.write_text(as_text(certificate), encoding="utf-8")
            partial.replace(path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def as_text(certificate: Certificate) -> str:
    """The text of a certificate, a line a series: what changed between two can be seen with any tool."""
    document = certificate.document
    series = ",\n".join(json.dumps(each) for each in document.pop("series"))
    return f'{json.dumps(document)[:-1]}, "series": [\n{series}\n]}}\n'


def read_certificate(path: str | Path) -> Certificate:
    """The certificate in a file. Raises NoCertificateError where there is none, or not as it was written."""
    try:
        return parse(json.loads(regular(Path(path)).read_bytes()))
    except OSError as error:
        raise NoCertificateError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise NoCertificateError(f"{path} is no certificate: it is not JSON ({error}).") from error
    except NoCertificateError as error:
        raise NoCertificateError(f"{path} is no certificate: {error}.") from error
