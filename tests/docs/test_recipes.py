"""Recipes for schedulers, as far as they can be run without the schedulers: units, tables, and what exit codes do."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kraken_core.cli.main import cli
from tests.docs.documents import ROOT
from tests.support.command_line import NOBODY, environment
from tests.support.little_market import LittleMarket

RECIPES = ROOT / "docs" / "recipes"
PROGRAM = "/opt/kraken/.venv/bin/kraken-history"
INSTALLED = Path(sys.executable).with_name("kraken-history")
LINES = [
    line.partition(PROGRAM)[2].strip()
    for name in ("kraken-history.service", "kraken-history.cron")
    for line in (RECIPES / name).read_text(encoding="utf-8").splitlines()
    if PROGRAM in line
]


@pytest.fixture
def command(tmp_path: Path) -> Callable[[int], str]:
    """A command that exits with a code, and says so on stderr."""

    def exiting(code: int) -> str:
        script = tmp_path / f"exits-{code}"
        result = json.dumps({"records": {"new": 5}, "completeness": {"missing": 7}})
        lines = ["#!/bin/sh", f"echo '{result}'", "echo noise >&2", f"echo 'the reason of {code}' >&2", f"exit {code}"]
        script.write_text("\n".join(lines), encoding="utf-8")
        script.chmod(0o755)
        return str(script)

    return exiting


@pytest.mark.parametrize("line", LINES)
def test_the_commands_of_units_and_tables_exist(line: str) -> None:
    name, *words = shlex.split(line)
    cli.commands[name].make_context(name, words)


def test_the_commands_of_a_unit_do_what_the_unit_expects(full_home: Path, little: LittleMarket, tmp_path: Path) -> None:
    """Run on a home as the unit runs them; the gate is not met, as the market has holes."""
    home = shutil.copytree(full_home, tmp_path / "home")
    settings = {"KRAKEN_HOME": str(home), "KRAKEN_CSV_SOURCE_DIRS": str(little.folder), "KRAKEN_API_URL": NOBODY}
    start, gate = LINES[:2]
    codes = [
        subprocess.run(
            [sys.executable, "-m", "kraken_core", *shlex.split(line)],
            env=environment(settings), capture_output=True, check=False, timeout=120,
        ).returncode
        for line in (f"{start} --no-api-backfill", gate)
    ]  # fmt: skip
    assert codes == [0, 4]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for name in ("kraken-history.service", "kraken-history.timer"):
        text = (RECIPES / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(PROGRAM, str(INSTALLED)), encoding="utf-8")
    units = [str(tmp_path / name) for name in ("kraken-history.service", "kraken-history.timer")]
    found = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    about_ours = [line for line in found.stderr.splitlines() if "kraken-history" in line]
    assert about_ours == []


def test_every_line_of_the_table_has_a_time_a_user_and_a_command() -> None:
    entries = [
        line
        for line in (RECIPES / "kraken-history.cron").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#") and not re.match(r"[A-Z_]+=", line)
    ]
    assert len(entries) == 2
    for entry in entries:
        *times, user, program, _ = entry.split(maxsplit=7)
        assert all(re.fullmatch(r"\*|\d+", time) for time in times)
        assert len(times) == 5
        assert (user, program) == ("kraken", PROGRAM)


class Kept(types.SimpleNamespace):
    """What a recipe made with a scheduler's decorators."""


def airflow(kept: Kept) -> dict[str, types.ModuleType]:
    """As much of Airflow as the recipe uses: tasks run when they are called, in the order of the DAG."""

    class Result:
        def __rshift__(self, _: object) -> None:
            pass

    def dag(**settings: Any) -> Callable[[Any], Any]:
        kept.settings = settings
        return lambda function: function

    def task(function: Callable[[], str]) -> Callable[[], Result]:
        kept.tasks = {**getattr(kept, "tasks", {}), function.__name__: function}
        return Result

    exceptions: Any = types.ModuleType("airflow.sdk.exceptions")
    exceptions.AirflowException = type("AirflowException", (Exception,), {})
    for name in ("AirflowFailException", "AirflowSkipException"):
        setattr(exceptions, name, type(name, (exceptions.AirflowException,), {}))
    sdk: Any = types.ModuleType("airflow.sdk")
    sdk.dag, sdk.task = dag, task
    return {"airflow": types.ModuleType("airflow"), "airflow.sdk": sdk, "airflow.sdk.exceptions": exceptions}


def dagster(kept: Kept) -> dict[str, types.ModuleType]:
    """As much of Dagster as the recipe uses."""
    module: Any = types.ModuleType("dagster")

    class Failure(Exception):  # noqa: N818 - Dagster's own name
        def __init__(self, description: str, *, allow_retries: bool = True) -> None:
            super().__init__(description)
            self.allow_retries = allow_retries

    def keeping(**settings: Any) -> Callable[[Any], Any]:
        def keep(function: Any) -> Any:
            setattr(kept, function.__name__, function)
            return function

        kept.settings = settings
        return keep

    module.Failure = Failure
    module.asset = module.asset_check = keeping
    for name in ("RetryPolicy", "MaterializeResult", "AssetCheckResult", "Definitions", "ScheduleDefinition"):
        setattr(module, name, type(name, (types.SimpleNamespace,), {}))
    return {"dagster": module}


def loaded(
    recipe: str, stub: Callable[[Kept], dict[str, types.ModuleType]], program: str, patch: pytest.MonkeyPatch
) -> Kept:
    """A recipe, run as the scheduler loads it, with a program in the place of the command."""
    kept = Kept()
    for name, module in stub(kept).items():
        patch.setitem(sys.modules, name, module)
    patch.setenv("KRAKEN_HISTORY", program)
    kept.names = runpy.run_path(str(RECIPES / recipe))
    return kept


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        *((0, None), (1, "AirflowException"), (2, "AirflowFailException")),
        *((3, "AirflowException"), (4, "AirflowSkipException")),
    ],
)
def test_airflow_does_what_the_exit_code_means(
    command: Callable[[int], str], monkeypatch: pytest.MonkeyPatch, code: int, raised: str | None
) -> None:
    dag = loaded("airflow_history.py", airflow, command(code), monkeypatch)
    assert set(dag.tasks) == {"update", "complete"}
    for task in dag.tasks.values():
        if raised is None:
            assert '"new": 5' in task()
            continue
        with pytest.raises(Exception, match=f"the reason of {code}") as failed:
            task()
        assert type(failed.value).__name__ == raised


@pytest.mark.parametrize(("code", "retried"), [(1, True), (2, False), (3, True), (4, True)])
def test_dagster_fails_an_asset_by_the_exit_code(
    command: Callable[[int], str], monkeypatch: pytest.MonkeyPatch, code: int, *, retried: bool
) -> None:
    definitions = loaded("dagster_history.py", dagster, command(code), monkeypatch)
    with pytest.raises(Exception, match=f"the reason of {code}") as failed:
        definitions.kraken_history()
    assert failed.value.allow_retries is retried  # type: ignore[attr-defined] # Dagster's


def test_dagster_shows_what_came_and_blocks_what_is_not_complete(
    command: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = loaded("dagster_history.py", dagster, command(0), monkeypatch)
    assert done.kraken_history().metadata == {"new": 5, "missing": 7}
    assert done.complete().passed is True
    lacking = loaded("dagster_history.py", dagster, command(4), monkeypatch).complete()
    assert (lacking.passed, lacking.metadata) == (False, {"why": "the reason of 4"})
    broken = loaded("dagster_history.py", dagster, command(1), monkeypatch)
    with pytest.raises(Exception, match="the reason of 1"):
        broken.complete()


def test_the_commands_of_dags_exist() -> None:
    for name in ("airflow_history.py", "dagster_history.py"):
        calls = re.findall(r"run\((\"[^)]*)\)", (RECIPES / name).read_text(encoding="utf-8"))
        assert len(calls) == 2
        for call in calls:
            command, *words = re.findall(r'"([^"]*)"', call)
            cli.commands[command].make_context(command, words)


def test_each_recipe_is_named_in_the_guide() -> None:
    guide = (ROOT / "docs" / "guide" / "recipes.md").read_text(encoding="utf-8")
    assert [path.name for path in RECIPES.iterdir() if path.is_file() and f"../recipes/{path.name}" not in guide] == []
