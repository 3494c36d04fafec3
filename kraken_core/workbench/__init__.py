"""The workbench: everything this package does, behind one class. Wires settings, ledger, table and sources together."""

from kraken_core.workbench.workbench import Workbench

__all__ = ["Workbench"]
