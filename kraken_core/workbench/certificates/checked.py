"""What holding candles against a certificate showed, for people and for programs."""

from __future__ import annotations

from typing import Any, NamedTuple

from kraken_core.domain.certificates.certificate import Certificate
from kraken_core.domain.certificates.comparison import CertificateComparison
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import iso

NAMED = 3  # differences in a line


class CheckedCertificate(NamedTuple):
    """A certificate, and what was found of it; ``whole``: statements about the candles were compared too."""

    certificate: Certificate
    comparison: CertificateComparison
    whole: bool

    @property
    def line(self) -> str:
        """What was found, in one line: equal, or which months differ, and where first."""
        found = self.comparison
        months = found.equal + len(found.months)
        if found.is_equal:
            what = "candles, coverage, claims and gaps" if self.whole else "candles"
            series = counted(len(self.certificate.series), "series")
            return f"equal: {what} in {counted(months, 'month')} of {series} (root {self.certificate.root})"
        parts = [f"{len(found.months):,} of {counted(months, 'month')}: {_first(found.months)}"] if found.months else []
        parts += [_first(found.statements)] if found.statements else []
        return f"differs: {'; '.join(parts)}"

    @property
    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        found = self.comparison
        return {
            "equal": found.is_equal,
            "root": self.certificate.root,
            "months": {"equal": found.equal, "differing": len(found.months)},
            "differences": [
                {
                    "pair": str(each.series.pair),
                    "interval": each.series.interval,
                    "month": each.month,
                    "certified": each.certified,
                    "found": each.found,
                    "first": iso(each.first),
                    "exact": each.exact,
                }
                for each in found.months
            ],
            "statements": [
                {"pair": str(each.series.pair), "interval": each.series.interval, "what": each.what}
                for each in found.statements
            ],
        }


def _first(differences: tuple[object, ...]) -> str:
    more = f" and {len(differences) - NAMED:,} more" if len(differences) > NAMED else ""
    return f"{', '.join(map(str, differences[:NAMED]))}{more}"
