#!/bin/sh
# make demo: the whole pipeline on a small simulated market, from plan to report.
set -eu

KRAKEN=${KRAKEN:-kraken}
DEMO=${DEMO:-kraken-demo}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
if [ ! -t 1 ] || [ -n "${NO_COLOR:-}" ]; then say() { printf '\n%s\n' "$*"; }; fi
run() { say "\$ kraken $*"; "$KRAKEN" "$@"; }

rm -rf "$DEMO"
run simulate "$DEMO/archives"
run ingest --home "$DEMO/home" --csv-source-dir "$DEMO/archives" --tier ALL \
    --start-date 2025-10-01 --as-of 2026-07-08T00:00:00Z --yes
run gaps --home "$DEMO/home" --intervals 60,1440
run sql --home "$DEMO/home" \
    "select pair, interval_minutes as minutes, count(*) as candles, min(time) as first, max(time) as last
     from candles where interval_minutes in (60, 1440) group by all order by all"
say "The history is in $DEMO/home. Look around with: kraken report --home $DEMO/home"
