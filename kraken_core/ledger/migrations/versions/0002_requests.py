"""Requests to the exchange: of jobs, of gaps that are tried again, and how far sweeps of trades are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COUNTS = (
    ("ingestion_job", "total_requests"),
    ("ingestion_job", "requests"),
    ("ingestion_job", "retries"),
    ("gap_record", "attempts"),
)


def upgrade() -> None:
    for table, name in _COUNTS:  # in words that both databases know: alembic would alter the table twice
        check = f"CONSTRAINT ck_{table}_{name} CHECK ({name} >= 0)"
        op.execute(f"ALTER TABLE {table} ADD COLUMN {name} BIGINT DEFAULT 0 NOT NULL {check}")
    op.add_column("gap_record", sa.Column("retry_at", sa.BigInteger()))
    op.create_table(
        "trade_sweep",
        sa.Column("pair_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("known_until", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger()),
        sa.Column("part", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_trade_sweep_pair_id_pair")),
        sa.PrimaryKeyConstraint("pair_id", name=op.f("pk_trade_sweep")),
    )


def downgrade() -> None:
    op.drop_table("trade_sweep")
    op.drop_column("gap_record", "retry_at")
    for table, name in reversed(_COUNTS):
        op.drop_column(table, name)
