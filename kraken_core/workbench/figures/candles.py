"""Candles and their volume, with what is missing or doubtful and where nothing traded shaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import plotly.graph_objects as go

from kraken_core.domain.formatting import plain_number
from kraken_core.domain.grades import Grade
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.workbench.charts.candle_chart import Drawn
from kraken_core.workbench.figures.marks import marks
from kraken_core.workbench.figures.palette import DOWN, GRADES, MISSING, UNWANTED, UP
from kraken_core.workbench.figures.parts import MS, Part, figure_of, over_time, span, text, time_axis

HEIGHT_PX, PRICES_PX = 560, 72
TICKS = (
    ",.12~r"  # of d3: twelve digits at most, without an exponent, so that neither 0.0000131 nor 69,420.15 is rounded
)
VOLUME, BETWEEN = 0.2328, 0.03  # of the height: the volumes, and the space above them


def candle_chart(drawn: Drawn, *, logarithmic: bool = False) -> go.Figure:
    """The bars of a window; each says where its candles are from."""
    silent = drawn.silent - drawn.doubtful
    return figure_of(
        [
            _candles(drawn),
            _volume(drawn),
            _shade("missing", MISSING, 0.35, _marked("missing", "gap", drawn.missing, drawn.window)),
            _shade("doubtful", GRADES[Grade.DOUBTFUL], 0.3, _marked("doubtful", "span", drawn.doubtful, drawn.window)),
            _shade("no trades", UNWANTED, 0.25, [(each, f"no trades<br>{span(*each)}") for each in silent]),
        ],
        over_time(drawn.window, HEIGHT_PX, dragged=True),
        _axes(drawn, logarithmic=logarithmic),
        {"barmode": "overlay", "margin": {"l": PRICES_PX}, "showlegend": True},
    )


def _candles(drawn: Drawn) -> Part:
    bars = drawn.bars
    return {
        "type": "candlestick",
        "x": _middles(drawn),
        **{name: bars[name].to_list() for name in ("open", "high", "low", "close")},
        "name": "candles",
        "hovertext": [_label(drawn, row) for row in bars.iter_rows(named=True)],
        "hoverinfo": "text",
        "increasing": {"line": {"color": UP, "width": 1}, "fillcolor": UP},
        "decreasing": {"line": {"color": DOWN, "width": 1}, "fillcolor": DOWN},
        "showlegend": False,
        "xaxis": "x",
        "yaxis": "y",
    }


def _volume(drawn: Drawn) -> Part:
    rising = [close >= first for first, close in drawn.bars.select("open", "close").iter_rows()]
    return {
        "type": "bar",
        "x": _middles(drawn),
        "y": drawn.bars["volume"].to_list(),
        "width": drawn.width * MS * 0.8,
        "name": "volume",
        "marker": {"color": [UP if up else DOWN for up in rising], "line": {"width": 0}},
        "hoverinfo": "skip",  # the candle above says it, wherever the crosshair stands
        "showlegend": False,
        "xaxis": "x2",
        "yaxis": "y2",
    }


def _middles(drawn: Drawn) -> list[int]:
    return [(start * 2 + drawn.width) * MS // 2 for start in drawn.bars["start"]]


def _axes(drawn: Drawn, *, logarithmic: bool) -> Part:
    """Prices above volumes, over one axis of time; what is shaded has the height of the prices.

    Without a bar there is neither a price nor a volume to have an axis of.
    """
    crosshair = {
        "showspikes": True,
        "spikemode": "across",
        "spikesnap": "cursor",
        "spikethickness": 1,
        "spikedash": "dot",
    }
    across = {
        **time_axis(drawn.window),
        "rangeslider": {"visible": False},
        "fixedrange": False,
        **crosshair,
    }  # the wheel zooms
    up = {"fixedrange": True, "visible": drawn.bars.height > 0, "tickformat": TICKS, **crosshair}
    quote, base = text(drawn.series.pair.quote), text(drawn.series.pair.base)
    return {
        "xaxis": {**across, "anchor": "y", "matches": "x2", "showticklabels": False, "title": {"text": None}},
        "xaxis2": {**across, "anchor": "y2"},
        "yaxis": {
            **up, "anchor": "x", "domain": [VOLUME + BETWEEN, 1], "title": {"text": quote},
            "type": "log" if logarithmic else "linear",
        },
        "yaxis2": {**up, "anchor": "x2", "domain": [0, VOLUME], "title": {"text": f"volume, {base}"}},
        "yaxis3": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
    }  # fmt: skip


def _label(drawn: Drawn, bar: Mapping[str, Any]) -> str:
    """A bar in full: when it opens, whether any of it is doubtful, prices as they are, volume, trades and source."""
    opens = f"{datetime.fromtimestamp(bar['start'], UTC):%Y-%m-%d %H:%M} UTC"
    several = f", {bar['candles']:,} candles" if bar["candles"] > 1 else ""
    prices = " ".join(f"{name[0].upper()} {plain_number(bar[name])}" for name in ("open", "high", "low", "close"))
    trades = "" if bar["trades"] is None else f", {counted(bar['trades'], 'trade')}"
    volume = f"{plain_number(bar['volume'])} {text(drawn.series.pair.base)}"
    doubted = ", doubtful" if drawn.doubtful.meets(bar["start"], bar["start"] + drawn.width) else ""
    return f"<b>{opens}</b>{several}{doubted}<br>{prices}<br>volume {volume}{trades}<br>from {text(bar['source'])}"


def _marked(what: str, each: str, found: TimeRanges, window: TimeRange) -> list[tuple[TimeRange, str]]:
    """Where something is missing or doubtful, wide enough to be seen however short, and what a hover says of it."""
    return [
        (TimeRange(mark.start, mark.end), f"{what}: {counted(mark.many, each)}<br>{span(*mark.spans)}")
        for mark in marks(found, window)
    ]


def _shade(name: str, colour: str, opacity: float, found: Sequence[tuple[TimeRange, str]]) -> Part:
    """Stretches of time over the whole height, behind the candles, each with what a hover says of it."""
    return {
        "type": "bar",
        "x": [each.start * MS for each, _ in found],
        "width": [(each.end - each.start) * MS for each, _ in found],
        "y": [1] * len(found),
        "offset": 0,
        "xaxis": "x",
        "yaxis": "y3",
        "name": name,
        "marker": {"color": colour, "line": {"width": 0}},
        "opacity": opacity,
        "hovertext": [hover for _, hover in found],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "visible": True if found else "legendonly",
    }
