"""What is not needed is not loaded: importing the package, and reading candles, start at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import environment
from tests.support.little_market import FIRST_DAY

LIBRARIES = {
    *("alembic", "dask", "deltalake", "distributed", "duckdb", "numpy", "obstore", "pandas", "plotly", "polars"),
    *("psycopg", "pyarrow", "questdb", "requests", "rich", "sqlalchemy", "streamlit", "urllib3"),
    *("anyio", "mcp", "pydantic", "starlette", "uvicorn"),
    *("importlib.metadata", "isal", "psutil"),
}
READING = {"deltalake", "importlib.metadata", "numpy", "polars", "sqlalchemy"}  # metadata is what polars loads
COMMAND = """
import contextlib, io, sys
sys.argv = ["kraken-history", *{words!r}]
from kraken_core.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
"""
READ = """
from kraken_core import Workbench
with Workbench.open({home!r}) as workbench:
    candles = workbench.candles("BTC/USD", 60, {start!r}, to={to!r})
assert len(candles)
"""


def loaded_by(script: str) -> set[str]:
    """Which of the libraries a fresh process loads."""
    return LIBRARIES & set(words_of(f"{script}\nimport sys\nprint(*sys.modules)"))


def words_of(script: str) -> list[str]:
    """What a fresh process prints."""
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def last_word_of(script: str) -> str:
    """The last of it."""
    return words_of(script)[-1]


@pytest.mark.parametrize(
    "script",
    [
        "from kraken_core import Workbench",
        "from kraken_core import Workbench; Workbench.open('nowhere')",
        "import kraken_core.settings",
        "import kraken_core.ports",
    ],
)
def test_the_workbench_opens_without_any_library(script: str) -> None:
    assert loaded_by(script) == set()


def test_an_empty_ledger_is_made_without_migrations() -> None:
    script = (
        "from kraken_core import Workbench\nwith Workbench.open('nowhere') as workbench: assert not workbench.jobs()"
    )
    loaded = loaded_by(script)
    assert "sqlalchemy" in loaded
    assert not loaded & {"alembic", "psycopg", "requests"}


def test_candles_are_read_with_what_reads_them_alone(full_home: Path) -> None:
    script = READ.format(home=str(full_home), start=FIRST_DAY, to="polars")
    assert loaded_by(script) <= READING


def test_candles_for_pandas_load_pandas_besides(full_home: Path) -> None:
    script = READ.format(home=str(full_home), start=FIRST_DAY, to="pandas")
    assert loaded_by(script) <= {*READING, "pandas", "pyarrow"}


def test_how_complete_all_is_at_the_end_of_a_job_is_counted_without_a_library_for_queries() -> None:
    assert not loaded_by("import kraken_core.workbench.charts.charts") & {"duckdb", "pandas", "plotly", "pyarrow"}


def test_help_is_shown_without_any_library() -> None:
    assert loaded_by(COMMAND.format(words=["--help"])) == set()


def test_a_report_as_json_loads_nothing_to_print_tables_with(full_home: Path) -> None:
    loaded = loaded_by(COMMAND.format(words=["report", "--json", "--home", str(full_home)]))
    assert loaded <= READING


def test_a_command_searches_for_cyclic_garbage_seldom_and_a_users_own_process_as_before() -> None:
    command = "import sys; sys.argv = ['kraken-history', '--version']\nfrom kraken_core.cli import main"
    run = f"{command}\ntry: main()\nexcept SystemExit: print('threshold', gc.get_threshold()[0])"
    opened = "from kraken_core import Workbench; Workbench.open('nowhere'); print('threshold', gc.get_threshold()[0])"
    of_command, of_user = (int(last_word_of(f"import gc\n{script}")) for script in (run, opened))
    assert of_command > 100 * of_user
