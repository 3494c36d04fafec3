"""The server of the tools, on stdin and stdout, by the protocol's official library."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from kraken_core import __version__
from kraken_core.domain.errors import KrakenError
from kraken_core.serving.assistants.tools import Tools

_INSTRUCTIONS = (
    "A history of Kraken's candles on this machine, and how complete it is. A slot without a candle is either one "
    "without trades, which a source covers, or missing: ask explain_slot or is_complete, and do not conclude it from "
    "absence. Cite the claims (their ids, sources and files) that an answer rests on. Times are UTC, pairs BTC/USD."
)
Given = ParamSpec("Given")


def serve(tools: Tools) -> None:
    """Answer until the client closes stdin."""
    server_of(tools).run("stdio")


def server_of(tools: Tools) -> MCPServer[Any]:
    """The server, with a tool for each question."""
    server: MCPServer[Any] = MCPServer(
        "kraken-history", instructions=_INSTRUCTIONS, version=__version__, log_level="WARNING"
    )
    reading = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    for tool in (tools.is_complete, tools.explain_slot, tools.gaps, tools.candles):
        server.add_tool(_explained(tools, tool), annotations=reading)
    planning = ToolAnnotations(read_only_hint=not tools.jobs_allowed, destructive_hint=False, open_world_hint=True)
    server.add_tool(_explained(tools, tools.plan_backfill), annotations=planning)
    return server


def _explained(tools: Tools, tool: Callable[Given, dict[str, Any]]) -> Callable[Given, dict[str, Any]]:
    """The same, whose errors reach the assistant as the line that a person would read; also where a job is undone."""

    @wraps(tool)
    def call(*args: Given.args, **kwargs: Given.kwargs) -> dict[str, Any]:
        try:
            with tools.workbench.undisturbed():
                return tool(*args, **kwargs)
        except KrakenError as error:
            raise ToolError(str(error)) from error

    return call
