"""Evidence: on what grounds the slots of a range are known."""

from __future__ import annotations

import polars as pl
from sqlalchemy import select

from kraken_core.domain.candles import TIME
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.ledger.joined import each_claim
from kraken_core.ledger.models import file_ingestion_record
from kraken_core.ledger.transactions import Transactions, transaction
from kraken_core.ledger.undone import not_undone

_CLAIMED = each_claim()
_CLAIM, _FILE = _CLAIMED.c, file_ingestion_record.c
_CLAIMS: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.Int64,
    "start": pl.Int64,
    "end": pl.Int64,
    "source": pl.String,
    "evidence": pl.String,
    "withdrawn": pl.Boolean,
    "asserted_at": TIME,
}
_FILES: dict[str, type[pl.DataType]] = {
    "content_hash": pl.String,
    "path": pl.String,
    "member": pl.String,
    "job_id": pl.Int64,
}


class Evidence(Transactions):
    """The part of the ledger with who claimed what, and when."""

    @transaction
    def evidence(self, series: Series, span: TimeRange, at_most: int = 200) -> pl.DataFrame:
        """Claims and counter-claims that reach into a range, newest first, and the files behind those of files.

        Columns: id (of the claim), start and end (epoch seconds), source, evidence (hash or request), withdrawn,
        asserted_at; of the file that was read first with these bytes path, member and job_id, null where it is none.
        """
        claims = select(*(_CLAIM[name] for name in _CLAIMS)).where(_CLAIM.start < span.end, _CLAIM.end > span.start)
        files = select(*(_FILE[name] for name in _FILES)).order_by(_FILE.id)
        with self._reading() as connection:
            claims = (
                claims.where(self._of(_CLAIMED, [series]), not_undone(_CLAIMED))
                .order_by(_CLAIM.id.desc())
                .limit(at_most)
            )
            files = files.where(
                self._of(file_ingestion_record, [series]), _FILE.content_hash != "", not_undone(file_ingestion_record)
            )
            claimed, read = ([tuple(row) for row in connection.execute(rows)] for rows in (claims, files))
        first = pl.DataFrame(read, _FILES, orient="row").unique("content_hash", keep="first")
        found = pl.DataFrame(claimed, _CLAIMS, orient="row")
        return found.join(first, left_on="evidence", right_on="content_hash", how="left", maintain_order="left")
