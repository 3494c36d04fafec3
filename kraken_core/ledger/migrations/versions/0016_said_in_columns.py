"""That a job's worker was lost, and that a claim is of candles found in a table of others, are columns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ingestion_job", sa.Column("worker_lost", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("assertion", sa.Column("adopted", sa.Boolean(), nullable=False, server_default=sa.false()))
    job, claim = (sa.table(name, *map(sa.column, columns)) for name, columns in _CHANGED.items())
    lost = (job.c.status == "FAILED") & job.c.error.like("worker lost%")
    op.execute(job.update().where(lost).values(worker_lost=sa.true()))
    op.execute(claim.update().where(claim.c.evidence.like("assetprice:%")).values(adopted=sa.true()))


_CHANGED = {"ingestion_job": ("status", "error", "worker_lost"), "assertion": ("evidence", "adopted")}


def downgrade() -> None:
    op.drop_column("assertion", "adopted")
    op.drop_column("ingestion_job", "worker_lost")
