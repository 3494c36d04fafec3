"""``compose.yaml``: not run here, but whole: what it names is there, and what it sets is understood."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # its types are not worth a dependency

from kraken_core.cli.main import cli
from kraken_core.settings import Settings
from tests.docs.documents import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_all_the_servers_are_in_it() -> None:
    assert {"postgres", "questdb", "scheduler", "worker", "dashboard", "jobs"} == SERVICES.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_names_only_what_is_there(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("depends_on", ())) <= SERVICES.keys()
    named = {volume.split(":")[0] for volume in service["volumes"] if not volume.startswith(".")}
    assert named <= COMPOSE["volumes"].keys()
    assert "build" in service or ":" in service["image"], "an image of no version is another one tomorrow"


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_answers_to_other_machines(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


def test_ours_are_one_image_with_the_same_settings(tmp_path: Path) -> None:
    ours = [service for service in SERVICES.values() if service.get("build")]
    assert len({service["image"] for service in ours}) == 1
    [environment] = {tuple(sorted(surroundings(service))) for service in ours}
    settings = Settings.load(None, dict(environment))
    assert settings.ledger_url.endswith("@postgres/kraken")
    assert settings.table == "/data/candles"
    assert settings.dask == "tcp://scheduler:8786"


def surroundings(service: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in service["environment"].items() if name.startswith("KRAKEN_")]


def test_ours_run_programs_that_the_image_has() -> None:
    commands = {service["command"][0] for service in SERVICES.values() if "build" in service}
    assert commands == {"dask", "kraken-history"}
    assert {SERVICES[name]["command"][1] for name in ("jobs", "dashboard")} <= cli.commands.keys()
    assert SERVICES["dashboard"]["environment"]["STREAMLIT_SERVER_ADDRESS"] == "0.0.0.0"  # of its container


def test_the_image_has_what_runs_and_nothing_that_tests() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "--require-hashes -r requirements-dask.lock" in line]
    locked = (ROOT / "requirements-dask.lock").read_text(encoding="utf-8")
    assert all(
        f"\n{package}==" in locked for package in ("distributed", "questdb", "streamlit", "psycopg", "hatchling")
    )
    tools = {re.split("[^a-z-]", tool)[0] for tool in PROJECT["project"]["optional-dependencies"]["test"]}
    beneath_streamlit = {"jsonschema"}
    assert {tool for tool in tools if f"\n{tool}==" in locked} <= beneath_streamlit


def test_the_image_runs_as_a_user_of_its_own_and_takes_what_a_wheel_is_built_from() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    stages = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    assert len(stages) == 2, "what builds is left behind"
    assert [line for line in lines[stages[1] :] if line.startswith("USER ")] == ["USER kraken"]
    copied = {word for line in lines[: stages[1]] if line.startswith("COPY ") for word in line.split()[1:-1]}
    built_from = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert {*built_from, "pyproject.toml", "README.md", "LICENSE"} <= copied
    assert all((ROOT / name).exists() for name in copied)
