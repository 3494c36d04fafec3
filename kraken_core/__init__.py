"""A complete history of Kraken's market data: ingest it, prove it complete, repair it.

``from kraken_core import Workbench`` is the way in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kraken_core.workbench import Workbench

__all__ = ["Workbench"]
DISTRIBUTION = "kraken-history-workbench"
__version__: str


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    """Load the workbench, or look up the version, on first use: importing the package alone costs nothing."""
    if name == "Workbench":
        from kraken_core.workbench import Workbench  # noqa: PLC0415 - see above

        return Workbench
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - see above

        return version(DISTRIBUTION)  # stated once, in pyproject.toml
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
