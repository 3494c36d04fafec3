"""What commits to the candle table replaced, and what was replaced of what is worked out, are kept from now on."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    of_candles = op.create_table(
        "candle_revision",
        sa.Column("id", _ID, nullable=False),
        sa.Column("candle_table", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger()),
        sa.Column("ranges", sa.LargeBinary()),
        sa.Column("candles", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.LargeBinary()),
        sa.Column("sources", sa.LargeBinary()),
        sa.CheckConstraint("candles >= 0", name=op.f("ck_candle_revision_counts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candle_revision")),
    )
    of_records = op.create_table(
        "record_revision",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("of_table", sa.Text(), nullable=False),
        sa.Column("changed", sa.LargeBinary()),
        sa.Column("before", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_revision")),
    )
    # Of what was known before, nothing was kept.
    now, connection = int(time.time()), op.get_bind()
    tables = connection.scalars(sa.select(sa.table("table_mark", sa.column("identity")).c.identity)).all()
    op.bulk_insert(of_candles, [{"candle_table": identity, "at": now, "candles": 0} for identity in set(tables)])
    used = (sa.select(sa.table(name, sa.column("id")).c.id).limit(1) for name in ("ingestion_job", "assertion"))
    if any(connection.scalar(found) is not None for found in used):
        op.bulk_insert(of_records, [{"at": now, "of_table": ""}])


def downgrade() -> None:
    op.drop_table("record_revision")
    op.drop_table("candle_revision")
