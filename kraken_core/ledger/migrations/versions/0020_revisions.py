"""What commits to the candle table replaced, and what was replaced of what is worked out, are kept from now on."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "candle_revision",
        sa.Column("id", _ID, nullable=False),
        sa.Column("candle_table", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger()),
        sa.Column("ranges", sa.LargeBinary()),
        sa.Column("candles", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.LargeBinary()),
        sa.CheckConstraint("candles >= 0", name=op.f("ck_candle_revision_counts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candle_revision")),
    )
    kept = op.create_table(
        "record_revision",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("of_table", sa.Text(), nullable=False),
        sa.Column("changed", sa.LargeBinary()),
        sa.Column("before", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_revision")),
    )
    job = sa.table("ingestion_job", sa.column("id"))
    claim = sa.table("assertion", sa.column("id"))
    there = (sa.select(table.c.id).limit(1) for table in (job, claim))
    if any(op.get_bind().scalar(found) is not None for found in there):  # of what was before, nothing was kept
        op.bulk_insert(kept, [{"at": int(time.time()), "of_table": ""}])


def downgrade() -> None:
    op.drop_table("record_revision")
    op.drop_table("candle_revision")
