"""Candles and their volume, with what is missing and where nothing traded shaded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import TimeRanges
from kraken_core.workbench.charts.candle_chart import Drawn
from kraken_core.workbench.figures.palette import DOWN, MISSING, UNWANTED, UP
from kraken_core.workbench.figures.parts import MS, over_time, span, text

HEIGHT_PX, PRICES_PX = 560, 72
SHADED = 1_000  # stretches of a kind that are shaded: the longest


def candle_chart(drawn: Drawn, *, logarithmic: bool = False) -> go.Figure:
    """The bars of a window; each says where its candles are from."""
    figure = make_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.03, row_heights=[0.76, 0.24])
    bars = drawn.bars
    middle = [(start * 2 + drawn.width) * MS // 2 for start in bars["start"]]
    figure.add_trace(
        go.Candlestick(
            x=middle,
            **{name: bars[name].to_list() for name in ("open", "high", "low", "close")},
            name="candles",
            hovertext=[_label(drawn, row) for row in bars.iter_rows(named=True)],
            hoverinfo="text",
            increasing={"line": {"color": UP, "width": 1}, "fillcolor": UP},
            decreasing={"line": {"color": DOWN, "width": 1}, "fillcolor": DOWN},
            showlegend=False,
        ),
        1,
        1,
    )
    rising = [close >= first for first, close in bars.select("open", "close").iter_rows()]
    volume = go.Bar(
        x=middle,
        y=bars["volume"].to_list(),
        width=drawn.width * MS * 0.8,
        name="volume",
        marker={"color": [UP if up else DOWN for up in rising], "line": {"width": 0}},
        hoverinfo="skip",  # the candle above says it, wherever the crosshair stands
        showlegend=False,
    )
    figure.add_trace(volume, 2, 1)
    figure.add_trace(_shade("missing", MISSING, 0.35, drawn.missing))
    figure.add_trace(_shade("no trades", UNWANTED, 0.25, drawn.silent))
    over_time(figure, drawn.window, HEIGHT_PX, dragged=True)
    crosshair = {
        "showspikes": True,
        "spikemode": "across",
        "spikesnap": "cursor",
        "spikethickness": 1,
        "spikedash": "dot",
    }
    figure.update_xaxes(rangeslider_visible=False, fixedrange=False, **crosshair)  # the wheel zooms
    figure.update_yaxes(tickformat=",~f", **crosshair)
    figure.update_xaxes(title=None, row=1, col=1)
    figure.update_yaxes(title=text(drawn.series.pair.quote), type="log" if logarithmic else "linear", row=1, col=1)
    figure.update_yaxes(title=f"volume, {text(drawn.series.pair.base)}", row=2, col=1)
    figure.update_layout(
        yaxis3={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        barmode="overlay",
        margin={"l": PRICES_PX},
    )
    return figure


def _label(drawn: Drawn, bar: Mapping[str, Any]) -> str:
    """A bar in full: when it opens, prices as they are, volume, trades and source."""
    opens = f"{datetime.fromtimestamp(bar['start'], UTC):%Y-%m-%d %H:%M} UTC"
    several = f", {bar['candles']:,} candles" if bar["candles"] > 1 else ""
    prices = " ".join(f"{name[0].upper()} {_plain(bar[name])}" for name in ("open", "high", "low", "close"))
    trades = "" if bar["trades"] is None else f", {counted(bar['trades'], 'trade')}"
    volume = f"{_plain(bar['volume'])} {text(drawn.series.pair.base)}"
    return f"<b>{opens}</b>{several}<br>{prices}<br>volume {volume}{trades}<br>from {text(bar['source'])}"


def _plain(number: float) -> str:
    """A number without an exponent, and without zeros at its end: 69,420.1, 0.00001188."""
    shown = f"{number:,.10f}".rstrip("0").rstrip(".")
    return shown if float(shown.replace(",", "")) or not number else f"{number:g}"


def _shade(name: str, colour: str, opacity: float, ranges: TimeRanges) -> go.Bar:
    """Stretches of time over the whole height, behind the candles."""
    longest = sorted(ranges, key=lambda each: each.start - each.end)[:SHADED]
    return go.Bar(
        x=[each.start * MS for each in longest],
        width=[(each.end - each.start) * MS for each in longest],
        y=[1] * len(longest),
        offset=0,
        xaxis="x",
        yaxis="y3",
        name=name,
        marker={"color": colour, "line": {"width": 0}},
        opacity=opacity,
        hovertext=[f"{name}<br>{span(*each)}" for each in longest],
        hovertemplate="%{hovertext}<extra></extra>",
        visible=True if longest else "legendonly",
    )
