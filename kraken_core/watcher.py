"""A watch or a live history in a process of its own. ``python -m kraken_core.watcher watch OPTIONS``, or ``live``.

It leaves its starter as a worker does (``kraken_core/worker.py``); its output is in the home's ``logs/watch.log``, or
``logs/live.log``.
"""

from __future__ import annotations

import os
import sys


def main(words: list[str]) -> int:
    """Run the command until it is ended by a signal; returns the exit code, which nobody sees."""
    os.setsid()
    if os.fork():
        os._exit(0)  # the starter's child ends here; the command has no parent
    from kraken_core.cli.main import run  # noqa: PLC0415 - loaded by what is to run

    return run(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
