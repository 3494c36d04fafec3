"""How fast this is: every figure beside its target, all measured in this run.

python -m bench [--full] [--runs 3] [--only ingest|planning|detection|batches|answers|crews|questdb|dashboard|start]

Speeds of ingest are ratios to what this machine can do at all: the raw loop of ../shared/bench (inflate, parse, write;
nothing else), run just before. Other figures are seconds on this machine. --full takes the sizes the targets are for.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial

from bench.answers import answers
from bench.batches import batches_and_commits
from bench.crews import crews
from bench.dashboard import dashboard
from bench.detection import detection
from bench.figures import Figure
from bench.ingest import ingest
from bench.planning import planning
from bench.questdb import questdb
from bench.start import start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the sizes the targets are set for (some minutes)")
    parser.add_argument("--runs", type=int, default=3, help="of each ingest; the median counts")
    known = ("ingest", "planning", "detection", "batches", "answers", "crews", "questdb", "dashboard", "start")
    parser.add_argument("--only", choices=known)
    args = parser.parse_args()
    benches: dict[str, Callable[[], Iterator[Figure]]] = {
        "start": start,
        "planning": planning,
        "detection": detection,
        "batches": partial(batches_and_commits, full=args.full),
        "answers": answers,
        "crews": partial(crews, full=args.full, runs=args.runs),
        "questdb": partial(questdb, full=args.full, runs=args.runs),
        "dashboard": partial(dashboard, full=args.full),
        "ingest": partial(ingest, full=args.full, runs=args.runs),
    }
    print(f"{'what':<66}{'measured':>12}{'target':>12}")
    for name, bench in benches.items():
        if args.only in {None, name}:
            for figure in bench():
                print(figure, flush=True)


if __name__ == "__main__":
    main()
