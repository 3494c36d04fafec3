"""A worker: runs one job in a process of its own. ``python -m kraken_core.worker HOME JOB [WORKERS]``.

It leaves its starter at once (a second fork, so that the starter has nobody to reap), and continues when the terminal,
the page or the process that started it is gone. It is controlled through the ledger; its output is in the job's log.
"""

from __future__ import annotations

import os
import sys


def main(arguments: list[str]) -> int:
    """Run the job; returns its exit code, which only its log sees."""
    home, job_id, *workers = arguments
    os.setsid()
    if os.fork():
        os._exit(0)  # the starter's child ends here; the worker has no parent
    from kraken_core import Workbench  # noqa: PLC0415 - loaded by the worker alone
    from kraken_core.domain.errors import KrakenError  # noqa: PLC0415 - same
    from kraken_core.domain.gc_pause import collect_rarely  # noqa: PLC0415 - same

    collect_rarely()
    with Workbench.open(home) as workbench:
        try:
            result = workbench.runner.run(
                workbench.ledger.job(int(job_id)), workers=int(workers[0]) if workers else None
            )
        except KrakenError as error:
            print(error, file=sys.stderr)  # noqa: T201 - into the job's log
            return error.exit_code
    if result.job.error:
        print(result.job.error, file=sys.stderr)  # noqa: T201 - likewise
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
