"""What endpoints answer, read from the workbench."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kraken_core.domain.completeness_answer import completeness_answer
from kraken_core.domain.metrics import exposition
from kraken_core.domain.timerange import iso
from kraken_core.serving.http.paging import page_of
from kraken_core.workbench import documents
from kraken_core.workbench.slot_document import slot_document

if TYPE_CHECKING:
    import polars as pl

    from kraken_core.domain.request import Selection
    from kraken_core.workbench import Workbench


class EndpointAnswer(NamedTuple):
    """A document, a text or a table, and the cursor of its next page. Of a table ``document`` is all but its rows."""

    document: dict[str, Any]
    cursor: str | None = None
    text: str | None = None
    table: pl.DataFrame | None = None


def pairs(workbench: Workbench, given: Mapping[str, Any]) -> EndpointAnswer:
    """Every pair known."""
    return _listed(workbench.stored_pairs(**_selecting(given)), given)


def coverage(workbench: Workbench, given: Mapping[str, Any]) -> EndpointAnswer:
    """What is covered, by which kind of source."""
    found = workbench.holdings.coverage(_selection(workbench, given))
    return _listed(map(documents.coverage_row, found), given, _as_of(workbench))


def gaps(workbench: Workbench, given: Mapping[str, Any]) -> EndpointAnswer:
    """Open gaps, and what would fill them."""
    found = workbench.holdings.gaps(_selection(workbench, given))
    return _listed(map(documents.gap_row, found), given, _as_of(workbench))


def completeness(workbench: Workbench, given: Mapping[str, Any]) -> EndpointAnswer:
    """Completeness of every series, and the answer in a sentence."""
    found = workbench.holdings.report(_selection(workbench, given))
    answer = completeness_answer((line.series, line.counts) for line in found.series)
    whole = {**_as_of(workbench), "complete": answer.is_yes, "answer": answer.text}
    return _listed(map(documents.report_row, found.series), given, whole)


def evidence(workbench: Workbench, given: Mapping[str, Any]) -> EndpointAnswer:
    """What is known of a slot, and by which claims."""
    return EndpointAnswer(slot_document(workbench.explain(given["pair"], given["interval"], given["at"])))


def jobs(workbench: Workbench, given: Mapping[str, Any]) -> EndpointAnswer:
    """Every job, newest first."""
    return _listed(map(documents.job_row, workbench.jobs()), given)


def metrics(workbench: Workbench, _: Mapping[str, Any]) -> EndpointAnswer:
    """The home in figures, for Prometheus."""
    return EndpointAnswer({}, text=exposition(workbench.metrics()))


def _listed(
    rows: Iterable[Mapping[str, Any]], given: Mapping[str, Any], whole: Mapping[str, Any] = {}
) -> EndpointAnswer:
    found = page_of(list(rows), given["limit"], given.get("cursor"))
    return EndpointAnswer({**whole, "total": found.total, "items": found.items}, found.cursor)


def _as_of(workbench: Workbench) -> dict[str, Any]:
    as_of = workbench.holdings.as_of
    return {"as_of": None if as_of is None else iso(as_of)}


def _selection(workbench: Workbench, given: Mapping[str, Any]) -> Selection:
    """What is selected. Raises UsageError where pairs are named that the home does not have."""
    chosen = workbench.select(**_selecting(given))
    workbench.holdings.check_known(chosen)
    return chosen


def _selecting(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of Workbench.select."""
    lists = {name: given[name].split(",") for name in ("tiers", "pairs", "quotes", "intervals") if name in given}
    return lists | {name: given[name] for name in ("start_date", "end_date") if name in given}
