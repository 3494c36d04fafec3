"""What the exchange calls its pairs, and which pairs were renamed by it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    words = (sa.Column(name, sa.Text(), nullable=False) for name in ("altname", "key", "base", "quote", "asset_class"))
    op.create_table("pair_name", *words, sa.PrimaryKeyConstraint("altname", name=op.f("pk_pair_name")))
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "renamed_pair",
        sa.Column("pair_id", number, nullable=False),
        sa.Column("now_id", number, nullable=False),
        sa.Column("renamed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["now_id"], ["pair.id"], name=op.f("fk_renamed_pair_now_id_pair")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_renamed_pair_pair_id_pair")),
        sa.PrimaryKeyConstraint("pair_id", name=op.f("pk_renamed_pair")),
    )


def downgrade() -> None:
    op.drop_table("renamed_pair")
    op.drop_table("pair_name")
