"""``kraken-history app``: a server on this machine alone, ended by its process."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest
import requests
from streamlit import config as streamlit_config
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_cache import populate_hash_if_needed

from kraken_core.cli.app import streamlit_settings
from tests.support.browsing import PATIENCE_S, answering
from tests.support.command_line import ROOT, command, environment
from tests.support.ports import free_port


def test_the_dashboard_answers_where_it_says_and_ends_when_it_is_told(tmp_path: Path) -> None:
    words = command("app", "--home", tmp_path / "home", "--port", free_port(), "--no-browser", "--json", "--quiet")
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        try:
            assert server.stdout is not None
            said = "".join(server.stdout.readline() for _ in range(3))
            url = json.loads(said)["url"]
            answering(url, server)
            assert requests.get(url, timeout=5).ok
        finally:
            server.terminate()
        assert server.wait(PATIENCE_S) in {0, -15}
        assert server.stdout.read() == "", "one JSON document on stdout, and nothing else"
    assert not (tmp_path / "home").exists(), "looking makes nothing"


def test_nobody_else_can_reach_it(tmp_path: Path) -> None:
    port = free_port()
    words = command("app", "--home", tmp_path / "home", "--port", port, "--no-browser", "--quiet")
    with subprocess.Popen(words, env=environment(), text=True) as server:
        try:
            answering(f"http://127.0.0.1:{port}", server)
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.2", port), timeout=5).close()
        finally:
            server.terminate()


def test_every_setting_of_the_project_is_one_that_streamlit_reads_from_its_environment() -> None:
    read = {option.env_var for option in streamlit_config.get_config_options().values()}
    passed = streamlit_settings(ROOT / ".streamlit" / "config.toml")
    assert passed.keys() <= read
    assert passed["STREAMLIT_SERVER_ALLOWED_HOSTS"] == "127.0.0.1 localhost ::1"
    assert passed["STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION"] == "true"
    assert json.loads(passed["STREAMLIT_THEME_HEADING_FONT_SIZES"]) == ["2rem", "1.5rem", "1.25rem"]


def test_the_settings_of_streamlit_are_one_file_at_the_top_of_the_project() -> None:
    found = [path for path in ROOT.rglob(".streamlit/config.toml") if ".venv" not in path.parts]
    assert found == [ROOT / ".streamlit" / "config.toml"]


@pytest.mark.parametrize("ours", [False, True])
def test_no_message_is_left_to_the_browser_to_be_referred_to_later(
    monkeypatch: pytest.MonkeyPatch, *, ours: bool
) -> None:
    name = "global.minCachedMessageSize"
    passed = streamlit_settings(ROOT / ".streamlit" / "config.toml")["STREAMLIT_GLOBAL_MIN_CACHED_MESSAGE_SIZE"]
    by_default = streamlit_config.get_config_options()[name].default_val
    least = passed if ours else by_default
    monkeypatch.setattr(streamlit_config, "get_option", lambda asked: {name: least}[asked])
    message = ForwardMsg()
    message.delta.new_element.markdown.body = "as much as a chart " * 100_000
    populate_hash_if_needed(message)
    assert message.metadata.cacheable is not ours
