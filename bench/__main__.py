"""How fast this is: every figure beside its target, all measured in this run.

python -m bench [--quick] [--runs 3] [--only CASE]

Speeds of ingest are ratios to what this machine can do at all: the raw loop of ../shared/bench (inflate, parse, write;
nothing else), run just before. Other figures are seconds on this machine. The targets are for the sizes taken here;
with --quick they are smaller ones, at which what every job pays once weighs more.

A case that fails is named, with its traceback, and the others are measured still; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Iterator

from bench.answers import answers
from bench.audits import audits
from bench.batches import batches_and_commits
from bench.certify import certify
from bench.crews import crews
from bench.dashboard import dashboard
from bench.detection import detection
from bench.figures import Figure
from bench.ingest import ingest
from bench.kept_trades import kept_trades
from bench.live import live, live_day
from bench.partitions import partitions
from bench.planning import planning
from bench.questdb import questdb
from bench.reads import reads
from bench.remembered import remembered
from bench.start import start
from bench.trades import trades

# By name, in the order in which they are measured: how, at ``full`` size or not, with so many runs of each ingest.
CASES: dict[str, Callable[[bool, int], Iterator[Figure]]] = {
    "start": lambda _full, _runs: start(),
    "planning": lambda _full, _runs: planning(),
    "detection": lambda _full, _runs: detection(),
    "audits": lambda _full, _runs: audits(),
    "batches": lambda full, _runs: batches_and_commits(full=full),
    "answers": lambda _full, _runs: answers(),
    "crews": lambda full, runs: crews(full=full, runs=runs),
    "questdb": lambda full, runs: questdb(full=full, runs=runs),
    "dashboard": lambda full, _runs: dashboard(full=full),
    "partitions": lambda full, _runs: partitions(full=full),
    "certify": lambda full, _runs: certify(full=full),
    "reads": lambda full, _runs: reads(full=full),
    "remembered": lambda full, _runs: remembered(full=full),
    "trades": lambda full, runs: trades(full=full, runs=runs),
    "kept-trades": lambda full, runs: kept_trades(full=full, runs=runs),
    "live": lambda full, _runs: live(full=full),
    "live-day": lambda full, _runs: live_day(full=full),
    "ingest": lambda full, runs: ingest(full=full, runs=runs),
}

ALONE = {"live-day"}  # measured only where it is named


def main() -> int:
    """Measure all cases, or one; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, of which some miss what larger ones meet")
    parser.add_argument("--runs", type=int, default=3, help="of each ingest; the median counts")
    parser.add_argument("--only", choices=CASES)
    args = parser.parse_args()
    print(f"{'what':<66}{'measured':>12}{'target':>12}")
    chosen = [args.only] if args.only else [name for name in CASES if name not in ALONE]
    failed = [name for name in chosen if not _measured(name, full=not args.quick, runs=args.runs)]
    if failed:
        print(f"failed, as said above: {', '.join(failed)}")
    return 1 if failed else 0


def _measured(name: str, *, full: bool, runs: int) -> bool:
    """Whether a case could be measured; its figures, and how long it took, are printed."""
    began = time.monotonic()
    try:
        for figure in CASES[name](full, runs):
            print(figure, flush=True)
    except Exception:  # noqa: BLE001 - whatever it is, the others are measured still
        traceback.print_exc()
        return False
    finally:
        print(f"# {name}: {time.monotonic() - began:,.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
