"""What came of holding counts of trades against trade ids."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INTERVALS = " OR ".join(f'"interval" = {interval}' for interval in (1, 5, 15, 30, 60, 240, 720, 1440))
_VERDICTS = " OR ".join(f"\"verdict\" = '{verdict}'" for verdict in ("proved", "more", "fewer", "unknown", "lapsed"))


def upgrade() -> None:
    op.create_table(
        "trade_audit",
        sa.Column("id", _ID, nullable=False),
        sa.Column("pair_id", _ID, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("first_id", sa.BigInteger()),
        sa.Column("next_id", sa.BigInteger()),
        sa.Column("phantoms", sa.BigInteger(), nullable=False),
        sa.Column("stored", sa.BigInteger(), nullable=False),
        sa.Column("candles", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("audited_at", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(_INTERVALS, name=op.f("ck_trade_audit_interval")),
        sa.CheckConstraint('"start" < "end"', name=op.f("ck_trade_audit_range")),
        sa.CheckConstraint("phantoms >= 0 AND stored >= 0 AND candles >= 0", name=op.f("ck_trade_audit_counts")),
        sa.CheckConstraint(_VERDICTS, name=op.f("ck_trade_audit_verdict")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_trade_audit_pair_id_pair")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trade_audit")),
    )
    op.create_index(op.f("ix_trade_audit_pair_id_interval_start"), "trade_audit", ["pair_id", "interval", "start"])


def downgrade() -> None:
    op.drop_index(op.f("ix_trade_audit_pair_id_interval_start"), table_name="trade_audit")
    op.drop_table("trade_audit")
