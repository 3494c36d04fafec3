"""What a worker says of its progress while it runs a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ingestion_job", sa.Column("doing", sa.Text()))


def downgrade() -> None:
    op.drop_column("ingestion_job", "doing")
