"""An asset of hourly partitions, for Dagster: python dagster_partitions.py records those that are there.

PARTITIONS says how many there are. Of the project it imports nothing: Dagster is run by a Python of its own.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

import dagster

THERE = 50  # one of so many partitions
START = datetime(2015, 1, 1)  # noqa: DTZ001 - that zone is given to Dagster apart, and is UTC where it is not
END = START + timedelta(hours=int(os.environ["PARTITIONS"]))
HOURS = dagster.HourlyPartitionsDefinition(start_date=START, end_date=END)


@dagster.asset(partitions_def=HOURS)  # type: ignore[untyped-decorator]  # where Dagster is not there
def candles() -> None:
    """What is looked at."""


DEFINITIONS = dagster.Definitions(assets=[candles])

if __name__ == "__main__":
    instance = dagster.DagsterInstance.get()
    for key in HOURS.get_partition_keys()[::THERE]:
        instance.report_runless_asset_event(dagster.AssetMaterialization("candles", partition=key))
