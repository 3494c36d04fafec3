"""What candle tables are known by, how far each job brought them, and what was found to be lost of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "table_mark",
        sa.Column("candle_table", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("candle_table", name="pk_table_mark"),
    )
    op.add_column("ingestion_job", sa.Column("table_reached", sa.BigInteger()))
    op.add_column("ingestion_job", sa.Column("table_stamp", sa.Text()))
    op.add_column("file_ingestion_record", sa.Column("lost_at", sa.DateTime(timezone=True)))
    op.add_column("assertion", sa.Column("lost_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    for table, name in (
        ("assertion", "lost_at"),
        ("file_ingestion_record", "lost_at"),
        ("ingestion_job", "table_stamp"),
        ("ingestion_job", "table_reached"),
    ):
        op.drop_column(table, name)
    op.drop_table("table_mark")
