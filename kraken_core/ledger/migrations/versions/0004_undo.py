"""Whose claims and archives they are, and which jobs were undone; the table's version that a job began at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assertion", sa.Column("job_id", sa.BigInteger()))
    op.add_column("archive", sa.Column("job_id", sa.BigInteger()))
    op.add_column("ingestion_job", sa.Column("table_version", sa.BigInteger()))
    op.add_column("ingestion_job", sa.Column("undone_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    for table, name in (
        ("ingestion_job", "undone_at"),
        ("ingestion_job", "table_version"),
        ("archive", "job_id"),
        ("assertion", "job_id"),
    ):
        op.drop_column(table, name)
