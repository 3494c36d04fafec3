"""Where sources give one slot different values."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE = "candle_difference"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", ID, nullable=False),
        sa.Column("job_id", sa.BigInteger()),
        sa.Column("pair_id", ID, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("slots", sa.BigInteger(), nullable=False),
        sa.Column("kept_source", sa.String(length=16), nullable=False),
        sa.Column("kept_evidence", sa.Text(), nullable=False),
        sa.Column("kept_path", sa.Text(), nullable=False),
        sa.Column("other_source", sa.String(length=16), nullable=False),
        sa.Column("other_evidence", sa.Text(), nullable=False),
        sa.Column("other_path", sa.Text(), nullable=False),
        sa.Column("volume", sa.Float(), nullable=False),
        sa.Column("trades", sa.Float(), nullable=False),
        sa.Column("price", sa.Float(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_one_of("interval", 1, 5, 15, 30, 60, 240, 720, 1440), name=op.f(f"ck_{TABLE}_interval")),
        sa.CheckConstraint('"start" < "end"', name=op.f(f"ck_{TABLE}_range")),
        sa.CheckConstraint("slots >= 0", name=op.f(f"ck_{TABLE}_counts")),
        *(
            sa.CheckConstraint(_one_of(name, "ohlc", "csv", "trades", "derived"), name=op.f(f"ck_{TABLE}_{name}"))
            for name in ("kept_source", "other_source")
        ),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f(f"fk_{TABLE}_pair_id_pair")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )
    op.create_index(op.f(f"ix_{TABLE}_pair_id_interval_start"), TABLE, ["pair_id", "interval", "start"])


def downgrade() -> None:
    op.drop_table(TABLE)


def _one_of(column: str, *values: str | int) -> str:
    """What a column may hold; see the first migration."""
    return " OR ".join(f'"{column}" = {value!r}' for value in values)
