"""What AssetPairs answered, and when: each answer that differs from the one before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "listing_answer",
        sa.Column("id", _ID, nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("tokenized", sa.Boolean(), nullable=False),
        sa.CheckConstraint("first_at <= last_at", name=op.f("ck_listing_answer_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_answer")),
    )
    op.create_table(
        "listing_change",
        sa.Column("id", _ID, nullable=False),
        sa.Column("listing_answer_id", _ID, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("base", "quote", "altname", "asset_class", "status")),
        sa.ForeignKeyConstraint(
            ["listing_answer_id"],
            ["listing_answer.id"],
            name=op.f("fk_listing_change_listing_answer_id_listing_answer"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_change")),
    )


def downgrade() -> None:
    op.drop_table("listing_change")
    op.drop_table("listing_answer")
