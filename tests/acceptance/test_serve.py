"""``kraken-history serve`` as a stranger meets it: started, reached, stopped, and refused in one line."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest
import requests

from tests.support.command_line import Kraken, command, environment, refused
from tests.support.serving_commands import document

TOKEN = "correct-horse-battery"


def started(home: Path, *words: object, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("serve", "--home", home, "--port", 0, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(more),
    )


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_home_is_served_until_a_signal_ends_it_well(full_home: Path, ending: signal.Signals) -> None:
    with started(full_home, "--json") as serving:
        said = document(serving)
        assert said["token_needed"] is False
        assert requests.get(f"{said['url']}/jobs", timeout=30).json()["total"] == 1
        assert requests.get(said["url"], headers={"Host": "evil.example"}, timeout=30).status_code == 403
        serving.send_signal(ending)
        out, err = serving.communicate(timeout=60)
    assert (serving.returncode, out) == (0, "")
    assert err == f"Serving {full_home} at {said['url']}, read-only (Ctrl-C stops it)\nStopped.\n"


def test_with_a_token_it_may_be_reached_from_elsewhere_and_never_shows_it(full_home: Path) -> None:
    with started(full_home, "--host", "0.0.0.0", "--json", "--verbose", KRAKEN_SERVE_TOKEN=TOKEN) as serving:
        said = document(serving)
        url = said["url"].replace("0.0.0.0", "127.0.0.1")
        assert requests.get(f"{url}/jobs", timeout=30).status_code == 401
        assert requests.get(f"{url}/jobs", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30).status_code == 200
        serving.terminate()
        _, err = serving.communicate(timeout=60)
    assert said["token_needed"] is True
    assert "with a token" in err
    assert TOKEN not in f"{said}{err}"


def test_other_machines_are_not_let_in_without_a_token(full: Kraken) -> None:
    line = refused(full("serve", "--host", "0.0.0.0", code=2))
    assert "KRAKEN_SERVE_TOKEN" in line


def test_a_port_that_is_taken_is_one_line(full: Kraken) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = refused(full("serve", "--port", port, code=2))
    assert f"port {port} of 127.0.0.1 cannot be served on: Address already in use." in line


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(full: Kraken, port: str) -> None:
    assert "--port" in refused(full("serve", "--port", port, code=2))


def test_where_there_is_no_home_nothing_is_made(kraken: Kraken) -> None:
    assert "there is no home at" in refused(kraken("serve", code=2))
    assert not kraken.home.exists()


def test_a_token_that_is_too_short_is_refused_without_being_shown(
    full: Kraken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_SERVE_TOKEN", "short secret")
    line = refused(full("serve", code=2))
    assert "serve_token" in line
    assert "at least 16" in line
    assert "short secret" not in line


def test_the_token_is_shown_nowhere_where_settings_are(full: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_SERVE_TOKEN", TOKEN)
    said = full("doctor", "--json", code=None)
    assert TOKEN not in said.out + said.err
    shown = {each["setting"]: each for each in said.json["settings"]}["serve_token"]
    assert (shown["value"], shown["origin"]) == ("set (not shown)", "KRAKEN_SERVE_TOKEN")


def test_without_its_library_mcp_says_what_to_install(full: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kraken_core.cli.mcp.find_spec", lambda _: None)
    assert "pip install 'kraken-history-workbench[mcp]'" in refused(full("mcp", code=2))


def test_mcp_makes_no_home(kraken: Kraken) -> None:
    assert "there is no home at" in refused(kraken("mcp", code=2))
    assert not kraken.home.exists()
