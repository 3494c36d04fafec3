"""How a certificate is cited, so that a reader can check whether he has the same data."""

from __future__ import annotations

from datetime import UTC, datetime

from kraken_core.domain.certificates.certificate import Certificate
from kraken_core.domain.formatting import instant

_NAMED = 3  # pairs; the certificate has all


def as_line(certificate: Certificate) -> str:
    """A citation in one sentence."""
    return f"{_title(certificate)}. Certificate {certificate.root}, {_known(certificate)}, by {certificate.software}."


def as_bibtex(certificate: Certificate) -> str:
    """The same for a bibliography."""
    end = datetime.fromtimestamp(certificate.span.end, UTC)
    fields = {
        "title": "{" + _title(certificate) + "}",
        "author": "{{Kraken}}",
        "year": "{" + f"{end.year}" + "}",
        "version": "{" + certificate.root + "}",
        "note": "{Certificate " + f"{certificate.root}, {_known(certificate)}, by {certificate.software}" + "}",
    }
    lines = ",\n".join(f"  {name:<7} = {text}" for name, text in fields.items())
    return f"@misc{{kraken-history-{certificate.root[:12]},\n{lines}\n}}"


def _title(certificate: Certificate) -> str:
    pairs = list(dict.fromkeys(str(each.series.pair) for each in certificate.series))
    more = f" and {len(pairs) - _NAMED:,} pairs more" if len(pairs) > _NAMED else ""
    start, end = map(instant, certificate.span)
    return f"Kraken candles of {', '.join(pairs[:_NAMED])}{more}, from {start} up to {end} (UTC)"


def _known(certificate: Certificate) -> str:
    return "never looked through for gaps" if certificate.as_of is None else f"as of {instant(certificate.as_of)}"
