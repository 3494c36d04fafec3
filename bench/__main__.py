"""How fast this is: every figure beside its target, all measured in this run.

python -m bench [--quick] [--runs 3]
    [--only ingest|planning|detection|audits|batches|answers|crews|questdb|dashboard|start|certify|reads|remembered|
            kept-trades|live]

Speeds of ingest are ratios to what this machine can do at all: the raw loop of ../shared/bench (inflate, parse, write;
nothing else), run just before. Other figures are seconds on this machine. The targets are for the sizes taken here;
with --quick they are smaller ones, at which what every job pays once weighs more.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial

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
from bench.live import live
from bench.planning import planning
from bench.questdb import questdb
from bench.reads import reads
from bench.remembered import remembered
from bench.start import start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, of which some miss what larger ones meet")
    parser.add_argument("--runs", type=int, default=3, help="of each ingest; the median counts")
    known = (
        "ingest",
        "planning",
        "detection",
        "audits",
        "batches",
        "answers",
        "crews",
        "questdb",
        "dashboard",
        "start",
        "certify",
        "reads",
        "remembered",
        "kept-trades",
        "live",
    )
    parser.add_argument("--only", choices=known)
    args = parser.parse_args()
    benches: dict[str, Callable[[], Iterator[Figure]]] = {
        "start": start,
        "planning": planning,
        "detection": detection,
        "audits": audits,
        "batches": partial(batches_and_commits, full=not args.quick),
        "answers": answers,
        "crews": partial(crews, full=not args.quick, runs=args.runs),
        "questdb": partial(questdb, full=not args.quick, runs=args.runs),
        "dashboard": partial(dashboard, full=not args.quick),
        "certify": partial(certify, full=not args.quick),
        "reads": partial(reads, full=not args.quick),
        "remembered": partial(remembered, full=not args.quick),
        "kept-trades": partial(kept_trades, full=not args.quick, runs=args.runs),
        "live": partial(live, full=not args.quick),
        "ingest": partial(ingest, full=not args.quick, runs=args.runs),
    }
    print(f"{'what':<66}{'measured':>12}{'target':>12}")
    for name, bench in benches.items():
        if args.only in {None, name}:
            for figure in bench():
                print(figure, flush=True)


if __name__ == "__main__":
    main()
