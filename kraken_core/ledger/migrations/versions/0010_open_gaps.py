"""Open gaps of a job are all that it did not fill: some cannot be filled, of some the last attempt failed."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE ingestion_job SET gaps_open = gaps_detected - gaps_filled WHERE gaps_detected >= gaps_filled")


def downgrade() -> None:
    op.execute(
        "UPDATE ingestion_job SET gaps_open = gaps_open - gaps_unfillable - gaps_failed "
        "WHERE gaps_open >= gaps_unfillable + gaps_failed"
    )
