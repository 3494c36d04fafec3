"""What holding series against each other showed, and up to which claim pairs were looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INTERVALS = " OR ".join(f'"interval" = {interval}' for interval in (1, 5, 15, 30, 60, 240, 720, 1440))


def upgrade() -> None:
    op.create_table(
        "finding",
        sa.Column("pair_id", _ID, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("finer", sa.Integer()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(_INTERVALS, name=op.f("ck_finding_interval")),
        sa.CheckConstraint('"start" < "end"', name=op.f("ck_finding_range")),
        sa.CheckConstraint("\"kind\" = 'agreed' OR \"kind\" = 'doubtful'", name=op.f("ck_finding_kind")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_finding_pair_id_pair")),
        sa.PrimaryKeyConstraint("pair_id", "interval", "start", "kind", name=op.f("pk_finding")),
    )
    op.create_table(
        "pair_examination",
        sa.Column("pair_id", _ID, nullable=False),
        sa.Column("claims", sa.BigInteger(), nullable=False),
        sa.Column("lived", sa.Text(), nullable=False),
        sa.CheckConstraint("claims >= 0", name=op.f("ck_pair_examination_counts")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_pair_examination_pair_id_pair")),
        sa.PrimaryKeyConstraint("pair_id", name=op.f("pk_pair_examination")),
    )


def downgrade() -> None:
    op.drop_table("pair_examination")
    op.drop_table("finding")
