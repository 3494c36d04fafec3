"""The ledger's tables as people query them: what ``kraken-history sql`` offers as views."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import polars as pl
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    Integer,
    Select,
    String,
    Table,
    Text,
    case,
    func,
    select,
)
from sqlalchemy.types import TypeEngine

from kraken_core.domain.candles import TIME
from kraken_core.domain.gaps import OPEN
from kraken_core.ledger.bulk import read_many
from kraken_core.ledger.columns import Instant, Moment
from kraken_core.ledger.models import (
    METRICS,
    asset,
    candle_difference,
    data_coverage_range,
    file_ingestion_record,
    funding_rate,
    gap_record,
    ingestion_job,
    job_stage,
    listing_answer,
    listing_change,
    pair,
    pair_life,
    renamed_pair,
    verification,
)
from kraken_core.ledger.transactions import Transactions, transaction
from kraken_core.ledger.undone import not_undone

_DTYPES: dict[type[TypeEngine[Any]], pl.DataType | type[pl.DataType]] = {
    BigInteger: pl.Int64,
    Boolean: pl.Boolean,
    Float: pl.Float64,
    Instant: pl.Int64,  # becomes TIME once it is in the frame
    Integer: pl.Int32,
    Moment: TIME,
    String: pl.String,
    Text: pl.String,
}
_PAIR = case((pair.c.currency.is_(None), asset.c.ticker + "/" + pair.c.quote), else_=pair.c.quote).label("pair")


def _named(table: Table, *names: str) -> list[Column[Any]]:
    return [table.c[name] for name in names]


def _range(table: Table) -> list[Any]:
    # "end" is a keyword of SQL that everybody would have to quote
    return [table.c.start.label("start_time"), table.c.end.label("end_time")]


def _of_series(table: Table, *columns: Any) -> Select[Any]:  # noqa: ANN401 - columns and labels share no useful type
    series = (_PAIR, table.c.interval.label("interval_minutes"))
    rows = select(*series, *columns).select_from(table).join(pair).join(asset)
    return rows.order_by(asset.c.ticker, pair.c.quote, table.c.interval)


def _of_life(column: Column[Any], order: Any) -> Any:  # noqa: ANN401 - a scalar subquery of any type
    return select(column).where(pair_life.c.pair_id == pair.c.id).order_by(order).limit(1).scalar_subquery()


# The assets whose every pair was renamed: they were only ever a wrong reading of a file's name
_NOTHING_LEFT = (
    select(pair.c.asset_id)
    .outerjoin(renamed_pair, renamed_pair.c.pair_id == pair.c.id)
    .group_by(pair.c.asset_id)
    .having(func.count() == func.count(renamed_pair.c.pair_id))
)
DIFFERENCES = _of_series(
    candle_difference,
    *_range(candle_difference),
    *_named(candle_difference, "slots", "kept_source", "kept_path", "kept_evidence"),
    *_named(candle_difference, "other_source", "other_path", "other_evidence"),
    *(candle_difference.c[name].label(f"{name}_difference") for name in ("volume", "trades", "price")),
    *_named(candle_difference, "job_id", "found_at"),
).order_by(candle_difference.c.start)  # those that count no more as well
VIEWS: dict[str, Select[Any]] = {
    "assets": select(asset.c.id.label("asset_id"), asset.c.ticker, asset.c.tier)
    .where(asset.c.id.not_in(_NOTHING_LEFT))
    .order_by(asset.c.ticker),
    "pairs": select(
        _PAIR,
        asset.c.ticker.label("base"),
        func.coalesce(pair.c.currency, pair.c.quote).label("quote"),
        asset.c.tier,
        _of_life(pair_life.c.start, pair_life.c.start).label("listed_at"),
        _of_life(pair_life.c.assumed, pair_life.c.start).label("listing_assumed"),
        _of_life(pair_life.c.end, pair_life.c.start.desc()).label("delisted_at"),
    )
    .join(asset)
    .where(pair.c.id.not_in(select(renamed_pair.c.pair_id)))
    .order_by(asset.c.ticker, pair.c.quote),
    "jobs": select(
        ingestion_job.c.id.label("job_id"),
        *_named(ingestion_job, "status", "trigger", "kind", "stage", "tiers", "intervals"),
        *_range(ingestion_job),
        *_named(ingestion_job, "as_of", *METRICS, "progress_pct", "error"),
        *_named(ingestion_job, "created_at", "started_at", "finished_at", "updated_at"),
        ingestion_job.c.undone_at,
    ).order_by(ingestion_job.c.id),
    "stages": select(*_named(job_stage, "job_id", "stage", "started_at", "seconds")).order_by(job_stage.c.id),
    "verifications": select(
        verification.c.id.label("verification_id"),
        verification.c.at.label("verified_at"),
        *_named(verification, "selection", "checks", "suspicious"),
    ).order_by(verification.c.id),
    "files": _of_series(
        file_ingestion_record,
        *_named(file_ingestion_record, "job_id", "path", "member", "content_hash", "size", "status"),
        *_named(file_ingestion_record, "first_time", "last_time"),
        *_named(file_ingestion_record, "records", "records_new", "records_changed", "records_rejected"),
        *_named(file_ingestion_record, "error", "created_at", "updated_at"),
    ),
    "coverage": _of_series(
        data_coverage_range, *_range(data_coverage_range), *_named(data_coverage_range, "source", "candles", "grade")
    ).order_by(data_coverage_range.c.start),
    "gaps": _of_series(
        gap_record,
        gap_record.c.id.label("gap_id"),
        *_range(gap_record),
        *_named(gap_record, "candles", "api_fillable", "fillable", "overflow", "status", "route", "reason"),
        *_named(gap_record, "requests", "csv_file", "archive", "detected_at", "updated_at"),
    ).order_by(gap_record.c.start),
    "differences": DIFFERENCES.where(not_undone(candle_difference)),
    "listings": select(
        (listing_change.c.base + "/" + listing_change.c.quote).label("pair"),
        listing_answer.c.first_at.label("seen_at"),
        *_named(listing_change, "status", "altname", "asset_class"),
        listing_answer.c.whole.label("whole_answer"),
    )
    .join_from(listing_change, listing_answer)
    .order_by(listing_change.c.id),
    "funding_rates": select(*_named(funding_rate, "pair", "time", "absolute", "relative")).order_by(
        funding_rate.c.pair, funding_rate.c.time
    ),
}


_GAP = gap_record.c
_OPEN_GAPS: dict[str, type[pl.DataType]] = {
    "id": pl.Int64,
    "pair_id": pl.Int64,
    "interval": pl.Int32,
    **dict.fromkeys(("start", "end", "candles", "fillable"), pl.Int64),
    **dict.fromkeys(("status", "route", "reason"), pl.String),
    "requests": pl.Int64,
    **dict.fromkeys(("csv_file", "archive"), pl.String),
}


_COVERED: dict[str, type[pl.DataType]] = {
    "pair_id": pl.Int64,
    "interval": pl.Int32,
    **dict.fromkeys(("start", "end", "candles"), pl.Int64),
    "grade": pl.String,
}


def frame_of(rows: Iterable[tuple[Any, ...]], view: Select[Any], without: Collection[str] = ()) -> pl.DataFrame:
    """Rows of a view as a frame of its columns, or of all but some."""
    types = {name: type(column.type) for name, column in view.selected_columns.items() if name not in without}
    frame = pl.DataFrame(list(rows), {name: _DTYPES[kind] for name, kind in types.items()}, orient="row")
    instants = [name for name, kind in types.items() if kind is Instant]
    return frame.with_columns(pl.from_epoch(name, "s").dt.replace_time_zone("UTC") for name in instants)


class Frames(Transactions):
    """The part of the ledger that hands out whole tables."""

    @transaction
    def table_frame(self, name: str) -> pl.DataFrame:
        """One of the ledger's tables, for people, by the name of its view: each is described below.

        Pairs read ``BTC/USD``, ``interval_minutes`` is Int32, times are Datetime in microseconds, UTC; ranges go from
        ``start_time`` up to but without ``end_time``. Of ``pairs``, the times are those of its first listing and,
        where it trades no more, its last delisting. Raises KeyError for any other name.

        - assets: asset_id, ticker, tier
        - pairs: pair, base, quote, tier, listed_at, listing_assumed, delisted_at
        - jobs: job_id, status, trigger, kind, stage, tiers and intervals (each joined by commas), start_time, end_time,
          as_of, the counts of JobMetrics, progress_pct (0 to 100), error, created_at, started_at, finished_at,
          updated_at, undone_at
        - stages: job_id, stage, started_at, seconds; those that ended, of every round
        - verifications: verification_id, verified_at, selection (in words), checks and suspicious (silences), both JSON
        - files: pair, interval_minutes, job_id, path, member, content_hash, size (bytes), status, first_time,
          last_time, records, records_new, records_changed, records_rejected, error, created_at, updated_at
        - coverage: pair, interval_minutes, start_time, end_time, source, candles, grade
        - gaps: pair, interval_minutes, gap_id, start_time, end_time, candles, api_fillable, fillable, overflow,
          status, route, reason, requests, csv_file, archive, detected_at, updated_at
        - differences: pair, interval_minutes, start_time, end_time, slots, kept_source, kept_path, kept_evidence,
          other_source, other_path, other_evidence, volume_difference, trades_difference, price_difference (the largest,
          relative to the larger value), job_id, found_at
        - listings: pair, seen_at, status (``gone`` where the answer lacks the pair), altname, asset_class, whole_answer
        - funding_rates: pair, time, absolute, relative
        """
        with self._reading() as connection:
            return frame_of((tuple(row) for row in connection.execute(VIEWS[name])), VIEWS[name])

    @transaction
    def open_gaps(self) -> pl.DataFrame:
        """The open gaps by series and time, quickly, for programs: times are epoch seconds (Int64).

        Columns: gap_id, pair, interval_minutes, start, end, candles, fillable, status, route, reason, requests,
        csv_file, archive.
        """
        found = self._quickly(gap_record, _OPEN_GAPS, _GAP.status.in_(OPEN)).rename({"id": "gap_id"})
        return found.select("gap_id", pl.exclude("gap_id")).sort("pair", "interval_minutes", "start")

    @transaction
    def covered_ranges(self) -> pl.DataFrame:
        """Covered ranges, quickly, for programs: pair, interval_minutes, start, end (epoch seconds), candles, grade."""
        return self._quickly(data_coverage_range, _COVERED)

    def _quickly(
        self, table: Table, types: Mapping[str, type[pl.DataType]], *which: ColumnElement[bool]
    ) -> pl.DataFrame:
        """Columns of a table by their types, the series in front: ``pair`` and ``interval_minutes``."""
        with self._reading() as connection:
            rows = read_many(connection, select(*(table.c[name] for name in types)).where(*which))
            columns = list(zip(*rows, strict=True)) or [()] * len(types)
            names = {id_: str(pair) for id_, pair in self._pairs.items()}
        frame = pl.DataFrame(dict(zip(types, columns, strict=True)), types).rename({"interval": "interval_minutes"})
        pairs = pl.DataFrame(
            {"pair_id": list(names), "pair": list(names.values())}, {"pair_id": pl.Int64, "pair": pl.String}
        )
        return frame.join(pairs, on="pair_id").select("pair", pl.exclude("pair", "pair_id"))
