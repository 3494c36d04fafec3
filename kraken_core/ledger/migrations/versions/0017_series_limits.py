"""What is expected of a series can be limited, whatever jobs ask for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_INTERVAL = " OR ".join(f'"interval" = {minutes}' for minutes in (1, 5, 15, 30, 60, 240, 720, 1440))


def upgrade() -> None:
    op.create_table(
        "series_limit",
        sa.Column("pair_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_INTERVAL, name=op.f("ck_series_limit_interval")),
        sa.CheckConstraint('"start" <= "end"', name=op.f("ck_series_limit_range")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_series_limit_pair_id_pair")),
        sa.PrimaryKeyConstraint("pair_id", "interval", name=op.f("pk_series_limit")),
    )


def downgrade() -> None:
    op.drop_table("series_limit")
