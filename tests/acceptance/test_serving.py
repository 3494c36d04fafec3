"""``kraken-history simulate --serve``: the market of the archives answers on this machine until it is interrupted."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.timerange import iso
from kraken_core.simulator.demo import demo_market
from kraken_core.workbench.live.state import read_state
from tests.support.asking import result
from tests.support.command_line import Kraken, command, environment, refused
from tests.support.helping import in_soak
from tests.support.serving_commands import document


def started(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("simulate", *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_market_is_served_until_a_signal_ends_it_well(tmp_path: Path, ending: signal.Signals) -> None:
    with started(tmp_path / "market", "--serve", "0", "--json") as serving:
        said = document(serving)
        assert set(said) == {"paths", "holes", "url", "ws_url"}
        assert all(Path(path).exists() for path in said["paths"])
        assert result(said["url"], "Time")["unixtime"] == demo_market().end + SETTLING_S
        assert len(result(said["url"], "OHLC", pair="XBTUSD", interval=60)["XXBTZUSD"]) == 721
        serving.send_signal(ending)
        out, err = serving.communicate(timeout=60)
    assert (serving.returncode, out) == (0, "")
    assert err == "Exchange stopped after 2 requests.\n"


def test_people_are_told_what_to_set(tmp_path: Path) -> None:
    with started(tmp_path / "market", "--serve", "0", "--quiet") as serving:
        assert serving.stdout
        last = next(line for line in serving.stdout if "KRAKEN_API_URL" in line)
        assert result(last.rpartition("=")[2].strip(), "SystemStatus")["status"] == "online"
        serving.terminate()
        _, err = serving.communicate(timeout=60)
    assert (serving.returncode, err) == (0, "")


def test_a_port_that_is_taken_is_one_line_and_the_archives_are_written(kraken: Kraken, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = refused(kraken("simulate", tmp_path / "market", "--serve", port, code=2))
    assert f"Port {port} cannot be served on: Address already in use." in line
    assert "The archives are written." in line
    assert any((tmp_path / "market").iterdir())


@pytest.mark.parametrize("port", ["-1", "65535", "http"])
def test_a_port_that_is_none_is_refused_before_anything_is_written(kraken: Kraken, tmp_path: Path, port: str) -> None:
    assert "--serve" in refused(kraken("simulate", tmp_path / "market", "--serve", port, code=2))
    assert not (tmp_path / "market").exists()


@pytest.mark.parametrize("line", ["Caught up (job 1)", *in_soak("Stored up to 2026-07-0")])
def test_a_stranger_follows_the_last_day_with_two_commands(tmp_path: Path, line: str) -> None:
    """A minute, settled at once, takes until it has closed and the next trade came."""
    with started(tmp_path / "market", "--serve", "0", "--live", "--json") as serving:
        said = document(serving)
        last_day = demo_market().end - 86_400
        assert last_day <= result(said["url"], "Time")["unixtime"] < last_day + 3600
        urls = {"KRAKEN_API_URL": said["url"], "KRAKEN_WS_URL": said["ws_url"], "KRAKEN_SETTLING_SECONDS": "0"}
        words = ("--pairs", "BTC/USD", "--intervals", "1m", "--start-date", iso(last_day)[:10], "--json")
        home = tmp_path / "home"
        with subprocess.Popen(
            command("live", "--home", home, *words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(urls),
        ) as live:
            assert live.stderr
            assert any(each.startswith(line) for each in live.stderr)
            until = time.monotonic() + 60
            while not ((state := read_state(home)) and state.open_connections and state.traded_at):
                assert time.monotonic() < until, state
                time.sleep(0.05)
            live.terminate()
            out, _ = live.communicate(timeout=60)
        serving.terminate()
        serving.communicate(timeout=60)
    assert live.returncode == 0
    caught_up, streamed = json.loads(out)
    assert streamed["live"]
    assert caught_up["failed"] is streamed["failed"] is None


def test_nothing_is_live_that_is_not_served(kraken: Kraken, tmp_path: Path) -> None:
    assert "--live needs --serve PORT" in refused(kraken("simulate", tmp_path / "market", "--live", code=2))
    assert not (tmp_path / "market").exists()


def test_a_port_that_is_taken_beside_the_one_named_is_said(kraken: Kraken, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = refused(kraken("simulate", tmp_path / "market", "--serve", port - 1, code=2))
    assert f"Port {port} cannot be served on: Address already in use." in line
