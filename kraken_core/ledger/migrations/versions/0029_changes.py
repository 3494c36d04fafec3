"""What is derived and about to change is recorded before; and what files of archives are called that are not read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kraken_core.domain.market import INTERVALS

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_INTERVALS = " OR ".join(f'"interval" = {interval}' for interval in INTERVALS)


def upgrade() -> None:
    op.create_table(
        "changing_range",
        sa.Column("id", _ID, nullable=False),
        sa.Column("pair_id", _ID, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(_INTERVALS, name=op.f("ck_changing_range_interval")),
        sa.CheckConstraint('"start" < "end"', name=op.f("ck_changing_range_range")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_changing_range_pair_id_pair")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changing_range")),
    )
    op.create_table(
        "archive_name",
        sa.Column("archive_id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["archive_id"], ["archive.id"], name=op.f("fk_archive_name_archive_id_archive")),
        sa.PrimaryKeyConstraint("archive_id", "name", name=op.f("pk_archive_name")),
    )


def downgrade() -> None:
    op.drop_table("archive_name")
    op.drop_table("changing_range")
