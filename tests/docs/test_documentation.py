"""What the documents say is so: commands run, examples work, nothing is undocumented, nothing named is absent."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import tomllib
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import click
import pytest

from kraken_core.cli.main import cli, run
from kraken_core.domain.candles import SCHEMA
from kraken_core.domain.exchange import ohlc_horizon
from kraken_core.domain.formatting import duration
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.ledger.frames import VIEWS
from kraken_core.settings import Settings
from kraken_core.simulator.demo import demo_contracts, demo_market
from kraken_core.simulator.exchange import SimulatedExchange
from tests.docs.documents import ALL, FOR_USERS, GUIDES, ROOT, Block, Command, anchors, blocks, code, commands, links

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKE_TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
ROOMS = ROOT / "docs" / "architecture.md"


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


def everything(documents: list[Path]) -> str:
    return "\n".join(document.read_text(encoding="utf-8") for document in documents)


@pytest.fixture(scope="session")
def exchange() -> Iterator[SimulatedExchange]:
    """What `kraken-history simulate market --serve PORT` serves in another terminal."""
    with SimulatedExchange(demo_market(), limits=None, contracts=demo_contracts()) as served:
        yield served


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: SimulatedExchange) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in Settings.__slots__:
        monkeypatch.delenv(f"KRAKEN_{name.upper()}", raising=False)
    monkeypatch.setenv("KRAKEN_API_URL", exchange.url)
    monkeypatch.setenv("KRAKEN_EXCHANGE_URLS", f"kraken-futures={exchange.url},coinbase={exchange.url}")
    monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "10")
    return tmp_path


class Reader:
    """Somebody who types a document's commands, one after the other, and looks at what they print."""

    def __init__(self) -> None:
        self.printed = ""  # by the commands of the last block, on stdout and stderr
        self.answer = ""  # of the last command, on stdout alone
        self.names: dict[str, Any] = {}

    def read(self, block: Block) -> None:
        match block.language:
            case "sh":
                self.printed = ""
                for command in commands(block):
                    self.type(command)
            case "python":
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(block.text, f"line {block.line}", "exec"), self.names)  # noqa: S102 - our own examples
            case "text":
                printed = {line.strip() for line in self.printed.splitlines()}
                assert {line.strip() for line in block.text.splitlines()} <= printed
            case "json":
                assert keys(json.loads(self.answer)) == keys(json.loads(block.text)), f"line {block.line}"
            case drawn_or_quoted:
                assert drawn_or_quoted in {"", "toml"}

    def type(self, command: Command) -> None:
        program, *arguments = command.words
        if program == "make":
            assert set(arguments) <= MAKE_TARGETS
            return
        assert program in {"kraken-history", "kraken"}  # the second in what old scripts may still say
        kept = Path(arguments[-1]) if ">" in arguments else None
        if kept:
            arguments = arguments[:-2]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            exited = run(arguments)
        self.answer = out.getvalue()
        if kept:
            kept.write_text(self.answer, encoding="utf-8")
        self.printed += out.getvalue() + err.getvalue()
        assert exited == command.exits, f"{' '.join(command.words)}\n{err.getvalue()}"


def keys(document: Any) -> Any:
    """A JSON document without its values; a list is as its first item is."""
    match document:
        case dict():
            return {name: keys(value) for name, value in document.items()}
        case [first, *_]:
            return [keys(first)]
        case _:
            return None


@pytest.mark.parametrize("document", FOR_USERS, ids=named)
def test_what_a_reader_types_works_and_prints_what_is_shown(document: Path, empty_folder: Path) -> None:
    reader = Reader()
    for block in blocks(document):
        reader.read(block)


def command_options() -> Iterator[tuple[str, str]]:
    """Every command, and every option of it as it is written out."""
    for name, command in {"kraken-history": cli, **cli.commands}.items():
        for parameter in command.get_params(click.Context(command)):
            if isinstance(parameter, click.Option):
                for option in (*parameter.opts, *parameter.secondary_opts):
                    yield name, option


def test_every_command_is_documented() -> None:
    guides = everything(GUIDES)
    assert [name for name in cli.commands if f"kraken-history {name}" not in guides] == []


def test_every_option_is_documented() -> None:
    words = {word for guide in GUIDES for span in code(guide) for word in span.split()}
    assert [(command, option) for command, option in command_options() if option not in words] == []


def test_no_document_speaks_of_an_option_or_a_command_that_is_not_there() -> None:
    options = {option for _, option in command_options()}
    for document in FOR_USERS:
        spans = code(document)
        assert {word for span in spans for word in span.split() if word.startswith("--")} <= options
        after_the_program = {
            match[1] for span in spans if (match := re.match(r"kraken(?:-history)? ([a-z][a-z-]*)", span))
        }
        assert after_the_program <= cli.commands.keys()


def test_every_view_and_column_of_sql_is_documented() -> None:
    documented = code(ROOT / "docs" / "guide" / "sql-and-python.md")
    columns = {name for view in VIEWS.values() for name in view.selected_columns.keys()}  # noqa: SIM118 - no mapping
    assert {*VIEWS, *SCHEMA, *columns} <= documented


@pytest.mark.parametrize("document", ALL, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    for link in links(document):
        path, _, fragment = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not fragment or fragment in anchors(target), link


@pytest.mark.parametrize("document", ALL, ids=named)
def test_files_that_are_named_exist(document: Path) -> None:
    in_the_project = re.compile(r"(?:kraken_core|app|docs|tests|scripts|bench)/[\w./-]*")
    paths = filter(in_the_project.fullmatch, code(document))
    assert [path for path in paths if not (ROOT / path).exists()] == []


PRIVATE_HELPERS = {  # of the original plan
    *("_calculate_api_cutoff_date", "_find_csv_files", "_get_tier_assets", "_create_gap_record"),
    *("_query_coverage_ranges", "_suggest_csv_filename", "_calculate_expected_candles", "_count_actual_candles"),
    *("_query_ingested_date_ranges", "_merge_overlapping_ranges", "_calculate_record_count"),
}


def test_every_name_of_the_plan_is_mapped_to_what_there_is_today() -> None:
    guide = (ROOT / "docs" / "guide" / "migration.md").read_text(encoding="utf-8").partition("## Names of the plan")[2]
    mapped = re.findall(r"`([\w.]+)`(?: and `[\w.]+`)? in `(kraken_core/[\w/]+)\.py`", guide)
    assert len(mapped) > len(PRIVATE_HELPERS)
    for name, path in mapped:
        attrgetter(name)(importlib.import_module(path.replace("/", ".")))
    rows = [row.split("|")[1].strip(" `") for row in guide.splitlines() if row.startswith("| `_")]
    assert set(rows) == PRIVATE_HELPERS
    for row in guide.splitlines():
        if row.startswith("| `_"):
            assert re.search(r"`[\w.]+` in `kraken_core/[\w/]+\.py`", row), row


def test_every_room_is_on_the_map() -> None:
    mapped = code(ROOMS)
    rooms = [path for path in (ROOT / "kraken_core").iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert [room.name for room in rooms if not any(f"kraken_core/{room.name}/" in span for span in mapped)] == []


def test_every_dependency_has_its_reason() -> None:
    groups = {**PROJECT["project"]["optional-dependencies"], **PROJECT["dependency-groups"]}
    requirements = [*PROJECT["project"]["dependencies"], *(item for group in groups.values() for item in group)]
    packages = {re.split(r"[<>=~!]", requirement)[0] for requirement in requirements}
    lines = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").splitlines()
    assert {line.split("|")[1].strip() for line in lines if line.startswith("| ")} - {"package"} == packages


def test_the_changelog_has_a_section_a_version_in_the_groups_of_keep_a_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *released = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert first.startswith("[Unreleased]\n")
    assert released[0].startswith(f"[{PROJECT['project']['version']}] - ")
    known = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    for version in (first, *released):
        groups = re.findall(r"^### (.+)$", version, re.MULTILINE)
        assert groups == [group for group in known if group in groups]


def test_the_version_is_stated_once() -> None:
    import kraken_core

    stated = PROJECT["project"]["version"]
    assert kraken_core.__version__ == stated, "install it again: make .venv/.runtime"
    assert [path for path in (ROOT / "kraken_core").rglob("*.py") if f'"{stated}"' in path.read_text("utf-8")] == []


def test_the_picture_is_what_the_report_looks_like() -> None:
    from scripts.report_picture import PICTURE, picture

    assert PICTURE.read_text(encoding="utf-8") == picture(), "draw it again: python scripts/report_picture.py"


def test_the_pictures_of_the_concepts_are_what_the_code_computes() -> None:
    from scripts.concept_pictures import IMAGES, pictures

    for name, drawn in pictures().items():
        stored = (IMAGES / name).read_text(encoding="utf-8")
        assert stored == drawn, "draw them again: python scripts/concept_pictures.py"


def test_the_table_of_the_horizon_is_what_the_code_computes() -> None:
    guide = (ROOT / "docs" / "guide" / "ohlcv-ingestion.md").read_text(encoding="utf-8")
    table = guide.partition("## The 720-candle horizon")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| ")]
    expected = []
    for interval in INTERVALS:
        start, end = ohlc_horizon(Series(Pair("BTC", "USD"), interval), 0)
        expected.append([short(interval), duration(end - start) if end > start else "no such candles"])
    assert [row[:2] for row in rows[1:]] == expected
