"""A watch in a process of its own. ``python -m kraken_core.watcher OPTIONS``: those of ``kraken-history watch``.

It leaves its starter as a worker does (``kraken_core/worker.py``); its output is in the home's ``logs/watch.log``.
"""

from __future__ import annotations

import os
import sys


def main(options: list[str]) -> int:
    """Watch until it is ended by a signal; returns the exit code, which nobody sees."""
    os.setsid()
    if os.fork():
        os._exit(0)  # the starter's child ends here; the watch has no parent
    from kraken_core.cli.main import run  # noqa: PLC0415 - loaded by the watch alone

    return run(["watch", *options])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
