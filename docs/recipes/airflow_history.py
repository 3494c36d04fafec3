"""An Airflow DAG: bring the history up to date, then let through what is complete. Exit codes decide.

Put it into the DAG folder, and set KRAKEN_HISTORY to the command where it is not on the workers' path.
"""

import os
import subprocess
from datetime import datetime, timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

COMMAND = os.environ.get("KRAKEN_HISTORY", "kraken-history")
PAUSED, WRONG_USE, INCOMPLETE = 3, 2, 4


def run(*words: str) -> str:
    """What a command prints, where it exits 0; else the exception that has Airflow do what is due."""
    done = subprocess.run([COMMAND, *words], capture_output=True, text=True, check=False)
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    if done.returncode == WRONG_USE:
        raise AirflowFailException(last)  # trying again does not help
    if done.returncode == PAUSED:
        raise AirflowException(f"{last} (the next try resumes it)")
    if done.returncode == INCOMPLETE:
        raise AirflowSkipException(last)  # what depends on complete data waits for the next run
    if done.returncode:
        raise AirflowException(last)
    return done.stdout


@dag(
    schedule="@hourly",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=10)},
)
def kraken_history():
    """Update, then a gate; tasks that need complete candles come after it."""

    @task
    def update() -> str:
        return run("ingest", "--expected", "--incremental", "--yes", "--json")

    @task
    def complete() -> str:
        return run("report", "--fail-under", "99.9", "--max-age", "2d", "--json")

    update() >> complete()


kraken_history()
