"""Open gaps, and where sweeps ended, are found without reading what earlier rounds filled and saw."""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_INDEXES = {
    "gap_record": ["status", "pair_id", "interval", "start"],
    "trade_span": ["pair_id", "end"],
}


def upgrade() -> None:
    for table, columns in _INDEXES.items():
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)


def downgrade() -> None:
    for table, columns in _INDEXES.items():
        op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table)
