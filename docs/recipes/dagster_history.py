"""Dagster: the history as an asset, with a check that its candles are complete. Exit codes decide.

Load it with ``dagster dev -f dagster_history.py``; set KRAKEN_HISTORY to the command where it is not on the path.
"""

import json
import os
import subprocess

import dagster

COMMAND = os.environ.get("KRAKEN_HISTORY", "kraken-history")
DONE, WRONG_USE, PAUSED, INCOMPLETE = 0, 2, 3, 4


def run(*words: str) -> tuple[int, str, str]:
    """A command's exit code, what it prints, and the last line of its messages."""
    done = subprocess.run([COMMAND, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, (done.stderr.strip().splitlines() or ["no message"])[-1]


@dagster.asset(retry_policy=dagster.RetryPolicy(max_retries=3, delay=600))
def kraken_history() -> dagster.MaterializeResult:
    """Candles up to now: what is expected already, and what has closed since."""
    code, printed, message = run("ingest", "--expected", "--incremental", "--yes", "--json")
    if code:
        raise dagster.Failure(message, allow_retries=code != WRONG_USE)  # a paused job is resumed then
    result = json.loads(printed)
    return dagster.MaterializeResult(
        metadata={"new": result["records"]["new"], "missing": result["completeness"]["missing"]}
    )


@dagster.asset_check(asset=kraken_history, blocking=True)
def complete() -> dagster.AssetCheckResult:
    """Whether every series is complete and fresh: assets behind a check that blocks are not made of less."""
    code, _, message = run("report", "--fail-under", "99.9", "--max-age", "2d", "--json")
    if code not in {DONE, INCOMPLETE}:
        raise dagster.Failure(message)
    return dagster.AssetCheckResult(passed=code == DONE, metadata={"why": message})


history = dagster.Definitions(
    assets=[kraken_history],
    asset_checks=[complete],
    schedules=[dagster.ScheduleDefinition(name="hourly", target=[kraken_history], cron_schedule="17 * * * *")],
)
