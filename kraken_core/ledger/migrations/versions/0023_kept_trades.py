"""Trades are kept, where that is wanted: what sources prove of them, and how their table was before a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SOURCES = " OR ".join(f"\"source\" = '{source}'" for source in ("archive", "rest", "live"))


def upgrade() -> None:
    op.create_table(
        "kept_trades",
        sa.Column("id", _ID, nullable=False),
        sa.Column("pair_id", _ID, nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("first_id", sa.BigInteger()),
        sa.Column("last_id", sa.BigInteger()),
        sa.Column("proved", sa.Boolean(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("lost_at", sa.DateTime(timezone=True)),
        sa.Column("asserted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint('"start" < "end"', name=op.f("ck_kept_trades_range")),
        sa.CheckConstraint(_SOURCES, name=op.f("ck_kept_trades_source")),
        sa.CheckConstraint("rank >= 0", name=op.f("ck_kept_trades_counts")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_kept_trades_pair_id_pair")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_trades")),
    )
    op.create_index(op.f("ix_kept_trades_pair_id_start"), "kept_trades", ["pair_id", "start"])
    op.add_column("ingestion_job", sa.Column("trades_version", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("ingestion_job", "trades_version")
    op.drop_table("kept_trades")
