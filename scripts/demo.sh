#!/bin/sh
# make demo: the whole pipeline on a small simulated market and its exchange, from plan to report.
set -eu

KRAKEN=${KRAKEN:-kraken-history}
DEMO=${DEMO:-kraken-demo}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
if [ ! -t 1 ] || [ -n "${NO_COLOR:-}" ]; then say() { printf '\n%s\n' "$*"; }; fi
run() { say "\$ kraken-history $*"; "$KRAKEN" "$@"; }

rm -rf "$DEMO"
mkdir -p "$DEMO"
say "\$ kraken-history simulate $DEMO/archives --serve 0"
"$KRAKEN" simulate "$DEMO/archives" --serve 0 >"$DEMO/exchange.txt" &
exchange=$!
trap 'kill $exchange 2>/dev/null || true' EXIT
until grep -q KRAKEN_API_URL "$DEMO/exchange.txt"; do
    kill -0 $exchange # ends the demo if the exchange did not come up
    sleep 0.2
done
cat "$DEMO/exchange.txt"
KRAKEN_API_URL=$(sed -n 's/.*KRAKEN_API_URL=//p' "$DEMO/exchange.txt")
KRAKEN_REQUESTS_PER_SECOND=5 # in short bursts the exchange allows it
export KRAKEN_API_URL KRAKEN_REQUESTS_PER_SECOND

run ingest --home "$DEMO/home" --csv-source-dir "$DEMO/archives" --tier ALL --start-date 2026-04-01 --yes
run gaps --home "$DEMO/home"
run sql --home "$DEMO/home" \
    "select pair, interval_minutes as minutes, count(*) as candles, min(time) as first, max(time) as last
     from candles where interval_minutes in (60, 1440) group by all order by all"
say "The history is in $DEMO/home. Look around with: $KRAKEN report --home $DEMO/home, or: $KRAKEN app --home $DEMO/home"
