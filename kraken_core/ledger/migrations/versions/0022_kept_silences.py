"""From now on it is kept when which silences were explained by what other pairs did."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_KEPT = sa.table("record_revision", *(sa.column(name) for name in ("at", "of_table")))


def upgrade() -> None:
    found = sa.select(sa.table("finding", sa.column("pair_id")).c.pair_id).limit(1)
    if op.get_bind().scalar(found) is not None:  # what was found before was not kept
        op.bulk_insert(_KEPT, [{"at": int(time.time()), "of_table": "finding"}])


def downgrade() -> None:
    op.execute(_KEPT.delete().where(_KEPT.c.of_table == "finding"))
