"""Funding rates of perpetuals are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "funding_rate",
        sa.Column("pair", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("absolute", sa.Float(), nullable=False),
        sa.Column("relative", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("pair", "time", name=op.f("pk_funding_rate")),
    )


def downgrade() -> None:
    op.drop_table("funding_rate")
