"""Adjoining claims are joined; and from now on it is kept which silences were explained by what other pairs did."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INTERVALS = " OR ".join(f'"interval" = {interval}' for interval in (1, 5, 15, 30, 60, 240, 720, 1440))
_SOURCES = " OR ".join(f"\"source\" = '{source}'" for source in ("ohlc", "csv", "trades", "derived"))
_COLUMNS = ("id", "pair_id", "interval", "start", "end", "source", "rank", "evidence", "withdrawn", "asserted_at")
_LATER = ("job_id", "proved", "adopted", "lost_at")
_KEPT = sa.table("record_revision", *(sa.column(name) for name in ("at", "of_table")))


def upgrade() -> None:
    op.create_table(
        "joined_claim",
        sa.Column("id", _ID, nullable=False),
        sa.Column("pair_id", _ID, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("asserted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("job_id", sa.BigInteger()),
        sa.Column("proved", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("adopted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("lost_at", sa.DateTime(timezone=True)),
        sa.Column("into_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(_INTERVALS, name=op.f("ck_joined_claim_interval")),
        sa.CheckConstraint('"start" < "end"', name=op.f("ck_joined_claim_range")),
        sa.CheckConstraint(_SOURCES, name=op.f("ck_joined_claim_source")),
        sa.CheckConstraint("rank >= 0", name=op.f("ck_joined_claim_counts")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_joined_claim_pair_id_pair")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joined_claim")),
    )
    for columns in (["into_id"], ["job_id"], ["pair_id", "interval", "start"]):
        op.create_index(op.f(f"ix_joined_claim_{'_'.join(columns)}"), "joined_claim", columns)
    found = sa.select(sa.table("finding", sa.column("pair_id")).c.pair_id).limit(1)
    if op.get_bind().scalar(found) is not None:  # what was found before was not kept
        op.bulk_insert(_KEPT, [{"at": int(time.time()), "of_table": "finding"}])


def downgrade() -> None:
    claims, joined = (
        sa.table(name, *(sa.column(column) for column in (*_COLUMNS, *_LATER, *more)))
        for name, more in (("assertion", ()), ("joined_claim", ("into_id",)))
    )
    op.execute(claims.delete().where(claims.c.id.in_(sa.select(joined.c.into_id))))
    names = [*_COLUMNS, *_LATER]
    op.execute(claims.insert().from_select(names, sa.select(*(joined.c[name] for name in names))))
    op.drop_table("joined_claim")
    op.execute(_KEPT.delete().where(_KEPT.c.of_table == "finding"))
