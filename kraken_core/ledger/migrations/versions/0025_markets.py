"""Pairs of other exchanges than Kraken spot: their quote is the market's whole name, and its currency stands beside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pair", sa.Column("currency", sa.Text()))


def downgrade() -> None:
    op.drop_column("pair", "currency")
