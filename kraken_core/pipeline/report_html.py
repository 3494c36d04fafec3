"""The report as one page of HTML: no script, no font, no picture from elsewhere, so that it can be sent and printed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.completeness_text import active, by_grade, evidence, grade
from kraken_core.domain.differences import size
from kraken_core.domain.formatting import instant, percent
from kraken_core.domain.gaps import GapRecord
from kraken_core.domain.grades import Grade
from kraken_core.domain.interval_text import short
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.plural import counted
from kraken_core.domain.report import Report, SeriesReport

LONGEST = 200  # series in detail; all of them are in the table of pairs
STEPS = 400  # of a strip: what is narrower than one is drawn as wide as one
_STYLE = """
:root { color-scheme: light; --good: #2f7d4f; --fair: #b7791f; --bad: #c0392b; --present: #3a6ea5; --silent: #b9cde3 }
body { font: 14px/1.45 system-ui, sans-serif; color: #1c2430; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } h2 { margin-top: 2.2rem; font-size: 1.15rem }
.answer { font-size: 1.5rem; line-height: 1.3 } .answer b { font-size: 2.4rem } .note { color: #5a6675 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .15rem .5rem; text-align: right; border-bottom: 1px solid #e3e8ee; white-space: nowrap }
th { color: #5a6675; font-weight: 600 } th:first-child, td:first-child { text-align: left }
svg { display: block; width: 100%; min-width: 9rem; height: .8rem }
.good { color: var(--good) } .fair { color: var(--fair) } .bad { color: var(--bad); font-weight: 600 }
.why { white-space: normal; text-align: left; min-width: 16rem }
.key span { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 1rem; vertical-align: -1px }
@media screen and (max-width: 60rem) { table { display: block; overflow-x: auto } }
@media print { body { margin: 0; max-width: none; font-size: 10px } tr { break-inside: avoid }
  thead { display: table-header-group } h2 { break-after: avoid }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact } }
"""
_KEY = (
    '<p class="key note"><span style="background:var(--present)"></span>present: it traded'
    '<span style="background:var(--silent)"></span>no trades: covered, nothing was traded'
    '<span style="background:var(--bad)"></span>missing: no source covers it</p>'
)


_COLOURS = {Grade.PROVED: "--good", Grade.CONFIRMED: "--present", Grade.CLAIMED: "--silent", Grade.DOUBTFUL: "--fair"}
_MEANINGS = {
    Grade.PROVED: "trade ids are consecutive, or count as many trades as are stored",
    Grade.CONFIRMED: "two sources agree",
    Grade.CLAIMED: "one source claims it",
    Grade.DOUBTFUL: "suspiciously without trades, fewer than trade ids count, or intervals disagree",
}
_GRADES = (
    '<p class="key note">'
    + "".join(f'<span style="background:var({_COLOURS[each]})"></span>{each}: {why}' for each, why in _MEANINGS.items())
    + "</p>"
)


def page(report: Report) -> str:
    """The page, whole. Whatever comes from data is escaped."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Completeness, {instant(report.as_of)} UTC</title><style>{_STYLE}</style>",
        "<h1>Completeness of the history</h1>",
        f'<p class="note">{counted(len(report.series), "series")}, as of {instant(report.as_of)} UTC</p>',
        _answer(report),
        *_by_interval(report),
        *_pairs(report.series),
        *_worst(report),
        *_differences(report),
        *_actions(report),
        '<p class="note">Completeness is the share of expected candles that are covered and not doubtful, activity the',
        "share of covered ones that have a candle: a pair that seldom trades is not incomplete, and one that is",
        "incomplete is not quiet. Times are UTC.</p></html>",
    ]
    return "\n".join(parts)


def _answer(report: Report) -> str:
    found = report.answer
    word, _, why = found.text.partition(" ")
    return f'<p class="answer"><b class="{"good" if found.is_yes else "bad"}">{word}</b> {escape(why)}</p>'


def _by_interval(report: Report) -> Iterator[str]:
    yield f"<h2>By interval, least complete first</h2>{_KEY}"
    columns = ("interval", "expected", "present", "no trades", "missing", "complete", "active", "")
    rows = [[short(interval), *_figures(counts), _bar(counts)] for interval, counts in report.by_interval.items()]
    yield from _table(columns, rows)
    yield f"<h2>Evidence, of what is covered</h2>{_GRADES}"
    grades = (
        [short(interval), *by_grade(counts).values(), _grades(counts)]
        for interval, counts in report.by_interval.items()
    )
    yield from _table(("interval", *Grade, ""), grades)


def _pairs(series: Sequence[SeriesReport]) -> Iterator[str]:
    """How complete each pair is at each interval."""
    yield "<h2>By pair</h2>"
    cells: dict[Pair, dict[int, str]] = defaultdict(dict)
    for line in series:
        share = percent(line.counts.completeness)
        cells[line.series.pair][line.series.interval] = f'<span class="{grade(line.counts)}">{share}</span>'
    intervals = sorted({line.series.interval for line in series})
    rows = ([escape(str(pair)), *(of.get(interval, "–") for interval in intervals)] for pair, of in cells.items())
    yield from _table(["pair", *map(short, intervals)], rows)


def _worst(report: Report) -> Iterator[str]:
    """The series with something missing, and where."""
    if not (worst := report.worst):
        yield "<p>Nothing is missing.</p>"
        return
    gaps: dict[Series, list[GapRecord]] = defaultdict(list)
    for gap in report.gaps:
        gaps[gap.series].append(gap)
    yield "<h2>Least complete series, and where something is missing</h2>"
    columns = ("series", "from", "to", "missing", "complete", "", "why")
    rows = (
        [
            f"{escape(str(line.series.pair))} {short(line.series.interval)}",
            *(instant(at) for at in (line.start, line.end)),
            f"{line.counts.missing:,}",
            f'<span class="{grade(line.counts)}">{percent(line.counts.completeness)}</span>',
            _strip(line, gaps[line.series]),
            f'<div class="why">{escape(line.reason)}</div>',
        ]
        for line in worst[:LONGEST]
    )
    yield from _table(columns, rows)
    if len(worst) > LONGEST:
        more = f"… and {len(worst) - LONGEST:,} more series; kraken-history report --json has every one."
        yield f'<p class="note">{more}</p>'


def _differences(report: Report) -> Iterator[str]:
    """Where sources differ: a finding, which makes nothing less complete."""
    if not report.differences:
        return
    yield "<h2>Where sources differ</h2>"
    columns = ("in force", "other", "series", "candles", "prices by up to", "volume by up to", "trades by up to")
    rows = (
        [
            *(escape(each.kept), escape(each.other), f"{each.series:,}", f"{each.slots:,}"),
            *(size(share) if share else "–" for share in (each.price, each.volume, each.trades)),
        ]
        for each in report.differences[:LONGEST]
    )
    yield from _table(columns, rows)
    if len(report.differences) > LONGEST:
        yield f'<p class="note">… and {len(report.differences) - LONGEST:,} more pairs of sources.</p>'


def _actions(report: Report) -> Iterator[str]:
    if report.actions:
        yield "<h2>What to do next</h2><ul>"
        yield from (f"<li>{escape(action)}</li>" for action in report.actions)
        yield "</ul>"


def _figures(counts: Completeness) -> list[str]:
    numbers = (counts.wanted, counts.present, counts.silent, counts.missing)
    complete = f'<span class="{grade(counts)}">{percent(counts.completeness)}</span>'
    return [*(f"{number:,}" for number in numbers), complete, active(counts)]


def _table(columns: Iterable[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "<table><thead><tr>" + "".join(f"<th>{name}</th>" for name in columns) + "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</tbody></table>"


def _bar(counts: Completeness) -> str:
    """What part is present, without trades, missing."""
    at, parts = 0.0, []
    for name, slots in (("present", counts.present), ("silent", counts.silent), ("bad", counts.missing)):
        width = STEPS * slots / (counts.wanted or 1)
        if slots:
            parts.append(f'<rect x="{at:.1f}" width="{width:.1f}" height="1" fill="var(--{name})"/>')
        at += width
    label = f"{counts.present:,} present, {counts.silent:,} no trades, {counts.missing:,} missing"
    return _svg(label, "".join(parts))


def _grades(counts: Completeness) -> str:
    """What part of the covered slots is of which grade."""
    at, parts = 0.0, []
    for each, colour in _COLOURS.items():
        width = STEPS * getattr(counts, each.value) / (counts.covered or 1)
        if width:
            parts.append(f'<rect x="{at:.1f}" width="{width:.1f}" height="1" fill="var({colour})"/>')
        at += width
    return _svg(evidence(counts), "".join(parts))


def _strip(line: SeriesReport, gaps: Iterable[GapRecord]) -> str:
    """Where in time a series has gaps."""
    scale = STEPS / (line.end - line.start)
    spans: list[list[int]] = []
    for gap in gaps:
        start = min(int(scale * (max(gap.start, line.start) - line.start)), STEPS - 1)
        end = max(start + 1, round(scale * (min(gap.end, line.end) - line.start)))
        if spans and start <= spans[-1][1]:
            spans[-1][1] = max(end, spans[-1][1])
        else:
            spans.append([start, end])
    path = "".join(f"M{start} 0h{end - start}v1h{start - end}z" for start, end in spans)
    known = f'<rect width="{STEPS}" height="1" fill="var(--present)"/>'
    return _svg(f"missing: {counted(len(spans), 'range')}", f'{known}<path d="{path}" fill="var(--bad)"/>')


def _svg(label: str, drawn: str) -> str:
    return f'<svg viewBox="0 0 {STEPS} 1" preserveAspectRatio="none" role="img" aria-label="{label}">{drawn}</svg>'
