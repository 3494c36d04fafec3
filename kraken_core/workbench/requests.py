"""From what callers write (texts, dates, lists) to selections and requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kraken_core.domain.errors import UsageError
from kraken_core.domain.interval_text import parse_interval
from kraken_core.domain.market import INTERVALS, Pair, shown_asset
from kraken_core.domain.names import Names
from kraken_core.domain.request import DEFAULT_REQUESTS, Request, Selection
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, iso
from kraken_core.sources.addresses import is_url, plain_url
from kraken_core.workbench.arguments import checked

if TYPE_CHECKING:
    from kraken_core.workbench.home import OpenHome

When = str | date | datetime | int


def table_kind(to: str) -> str:
    """A kind of table. Raises UsageError."""
    if to not in {"pandas", "polars", "arrow"}:
        raise UsageError(f"{to!r} is no kind of table: write pandas, polars or arrow.")
    return to


@checked
def selection(
    tiers_known: Tiers,
    names: Names,
    *,
    tier: str | None = None,
    tiers: Iterable[str] = (),
    pairs: Iterable[str | Pair] = (),
    quotes: Iterable[str] = (),
    intervals: Iterable[int | str] = (),
    start_date: When | None = None,
    end_date: When | None = None,
) -> Selection:
    """A selection, checked. Raises UsageError for anything it cannot be."""
    chosen = [*([tier] if tier else []), *tiers]
    if tier and len(chosen) > 1:
        raise UsageError(f"name one tier with --tier, or several with --tiers {','.join(chosen)}; not both.")
    named = tuple(dict.fromkeys(p if isinstance(p, Pair) else names.pair(p) for p in pairs))
    if chosen and named:
        raise UsageError("name tiers or pairs, not both: a pair is in one tier anyway (see: kraken-history pairs).")
    start, end = day(start_date), day(end_date)
    if start and end and start > end:
        raise UsageError(f"the start date {start} is after the end date {end}: swap them.")
    return Selection(
        tiers=tiers_known.check(chosen),
        pairs=named,
        quotes=tuple(dict.fromkeys(_quote(q, names) for q in quotes)),
        intervals=tuple(sorted({parse_interval(i) for i in intervals})) or INTERVALS,
        start_date=start,
        end_date=end,
    )


@checked
def ingest_request(
    home: OpenHome,
    *,
    sources: Iterable[str | Path] | None = None,
    archive_through: When | None = None,
    as_of: When | None = None,
    auto_gap_fill: bool = True,
    stop_on_error: bool = False,
    api_backfill: bool = True,
    trades: bool = True,
    download: bool | None = None,
    max_requests: int | None = None,
    incremental: bool = False,
    complete: bool = False,
    expected: bool = False,
    **chosen: Any,  # noqa: ANN401 - see selection()
) -> Request:
    """What to ingest: the selection, and the sources (those of the settings where none are named).

    With ``expected`` the selection is of the pairs and intervals that are expected already, and no pair is added.
    ``max_requests`` is 1,000, and published archives are not downloaded, by default; with ``complete``
    every route is used, as often as it takes. Raises UsageError for anything it cannot be, and where nothing is
    selected.
    """
    selected = selection(home.tiers, home.ledger.names(), **chosen)
    if expected:
        selected = _of_expected(home, selected)
    if not selected.tiers and not selected.pairs:
        raise UsageError("name what to ingest: --tier TIER1, --tiers TIER1,TIER2, --pairs BTC/USD, or --tier ALL.")
    named = home.settings.csv_source_dirs if sources is None else sources
    return _request(
        selected,
        sources=tuple(dict.fromkeys(source_path(str(path)) for path in named)),
        archive_through=day(archive_through),
        as_of=None if as_of is None else instant(as_of),
        auto_gap_fill=auto_gap_fill,
        stop_on_error=stop_on_error,
        api_backfill=api_backfill,
        trades=trades,
        download=complete if download is None else download,
        max_requests=_most(max_requests, complete=complete),
        within_plan=_within_plan(max_requests, complete=complete),
        incremental=incremental,
    )


@checked
def backfill_request(
    home: OpenHome,
    *,
    gap_ids: Iterable[int] = (),
    trades: bool = True,
    max_requests: int | None = None,
    as_of: When | None = None,
    complete: bool = False,
    **chosen: Any,  # noqa: ANN401 - see selection()
) -> Request:
    """What to fill: the open gaps named, or all of the selection (all there are, where nothing is selected).

    Raises UsageError for anything it cannot be, and for ids that no open gap has.
    """
    ids = tuple(dict.fromkeys(gap_ids))
    if unknown := set(ids) - {gap.id for gap in home.ledger.gaps()}:
        named = ", ".join(map(str, sorted(unknown)))
        raise UsageError(f"there is no open gap {named}: list them with kraken-history gaps --json.")
    return _request(
        selection(home.tiers, home.ledger.names(), **chosen),
        as_of=None if as_of is None else instant(as_of),
        trades=trades,
        max_requests=_most(max_requests, complete=complete),
        within_plan=_within_plan(max_requests, complete=complete),
        backfill=True,
        gap_ids=ids,
    )


@checked
def audit_request(
    home: OpenHome,
    *,
    locate: bool = False,
    max_requests: int | None = None,
    **chosen: Any,  # noqa: ANN401 - see selection()
) -> Request:
    """What to compare with trade ids: the selection, or everything stored; ``locate`` narrows differences down.

    Both ends of every covered stretch are asked for, and a thousand times more to locate differences, unless
    ``max_requests`` says otherwise. Raises UsageError for anything it cannot be.
    """
    return _request(
        selection(home.tiers, home.ledger.names(), **chosen),
        max_requests=max_requests,
        backfill=True,
        audit=True,
        locate=locate,
    )


def _of_expected(home: OpenHome, selected: Selection) -> Selection:
    """The pairs and intervals of a selection that are expected already. Raises UsageError where none is."""
    series = [each for each in home.ledger.detections() if selected.holds(each.pair, home.tiers)]
    pairs = tuple(sorted({each.pair for each in series}))
    intervals = tuple(sorted({each.interval for each in series} & set(selected.intervals)))
    if not pairs or not intervals:
        raise UsageError("nothing of that is expected yet: leave --expected out, and name a tier or pairs.")
    return replace(selected, tiers=(), pairs=pairs, quotes=(), intervals=intervals)


def _request(chosen: Selection, **more: Any) -> Request:  # noqa: ANN401 - the fields a Request adds
    """A request of a selection."""
    return Request(**{f.name: getattr(chosen, f.name) for f in fields(Selection)}, **more)


def _most(requests: int | None, *, complete: bool) -> int | None:
    """How many requests a job may make: as given; by default no limit with ``complete`` only."""
    return DEFAULT_REQUESTS if requests is None and not complete else requests


def _within_plan(requests: int | None, *, complete: bool) -> bool:
    """Whether more requests than planned need a confirmation: not where they were allowed beforehand."""
    return requests is None and not complete


def day(value: When | None) -> date | None:
    """A whole UTC day. Raises UsageError for what is no date."""
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    return datetime.fromtimestamp(instant(value), UTC).date()


def window(start: When | None, end: When | None) -> TimeRange:
    """The range that a caller means; open where nothing is given. Raises UsageError where it ends before it starts."""
    given = TimeRange(instant(start or 0), END_OF_TIME if end is None else instant(end))
    if given.start > given.end:  # nothing opens in it, which would be complete
        raise UsageError(f"the start {iso(given.start)} is after the end {iso(given.end)}: swap them.")
    return given


def instant(value: When) -> int:
    """Epoch seconds of an ISO date or time; UTC where it names no zone. Raises UsageError."""
    if isinstance(value, int):
        return value
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise UsageError(f"{value!r} is not a date or time: write 2024-01-31 or 2024-01-31T12:00:00Z.") from None
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - the zone follows
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def source_path(text: str) -> str:
    """A source as an address or an absolute path, so that a job can be resumed from anywhere. Raises UsageError."""
    if is_url(text):
        return plain_url(text)
    if "://" in text:
        raise UsageError(
            f"{text.partition('://')[0]}://… cannot be read from here: name an http or https address, or a file."
        )
    path = Path(text).expanduser().absolute()
    if not path.exists():
        raise UsageError(f"{path} does not exist: check --csv-source-dir.")
    return str(path)


def _quote(text: str, names: Names) -> str:
    shown = shown_asset(text)
    if shown not in names.quotes:
        raise UsageError(f"{text!r} is not a quote currency: use USD, EUR or BTC, for example.")
    return shown
