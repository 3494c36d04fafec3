"""Which claims trade ids prove, and the grade of covered ranges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_GRADES = " OR ".join(f"\"grade\" = '{grade}'" for grade in ("proved", "confirmed", "claimed", "doubtful"))


def upgrade() -> None:
    op.add_column("assertion", sa.Column("proved", sa.Boolean(), nullable=False, server_default=sa.false()))
    check = f"CONSTRAINT ck_data_coverage_range_grade CHECK ({_GRADES})"
    op.execute(f"ALTER TABLE data_coverage_range ADD COLUMN grade VARCHAR(16) DEFAULT 'claimed' NOT NULL {check}")


def downgrade() -> None:
    op.drop_column("data_coverage_range", "grade")
    op.drop_column("assertion", "proved")
