"""Which trade ids sweeps saw; and what a sweep needs to go on, of which more is known now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trade_span",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pair_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=True),
        sa.Column("last_id", sa.BigInteger(), nullable=True),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("phantoms", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint('"start" < "end"', name=op.f("ck_trade_span_range")),
        sa.CheckConstraint("phantoms >= 0", name=op.f("ck_trade_span_counts")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_trade_span_pair_id_pair")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trade_span")),
    )
    op.create_index(op.f("ix_trade_span_pair_id_start"), "trade_span", ["pair_id", "start"])
    # A sweep that was cut off begins again at the slots it knows: what it remembers of its page is not enough.
    op.execute("DELETE FROM trade_sweep")
    op.drop_column("trade_sweep", "last_id")
    op.execute("ALTER TABLE trade_sweep RENAME COLUMN part TO state")


def downgrade() -> None:
    op.execute("DELETE FROM trade_sweep")
    op.execute("ALTER TABLE trade_sweep RENAME COLUMN state TO part")
    op.add_column("trade_sweep", sa.Column("last_id", sa.BigInteger(), nullable=True))
    op.drop_index(op.f("ix_trade_span_pair_id_start"), table_name="trade_span")
    op.drop_table("trade_span")
