"""The command line: parse, call the workbench, render. No rule of the domain lives here.

Heavy libraries are loaded by the command that needs them, so that ``--help`` is instant.
"""

from kraken_core.domain.gc_pause import gc_paused

with gc_paused():  # what is loaded stays: there is nothing to be found in it
    from kraken_core.cli.main import main

__all__ = ["main"]
