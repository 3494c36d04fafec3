"""Slots whose values another interval contradicts are kept: they are doubtful until the two agree."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_BEFORE = "\"kind\" = 'agreed' OR \"kind\" = 'doubtful' OR \"kind\" = 'asleep'"
_CHECK = "ck_finding_kind"


def upgrade() -> None:
    with op.batch_alter_table("finding") as table:
        table.drop_constraint(op.f(_CHECK), type_="check")
        table.create_check_constraint(op.f(_CHECK), sa.text(f"{_BEFORE} OR \"kind\" = 'disagreed'"))
    # What disagrees was not kept so far: pairs are looked at again by the next job that has them.
    op.execute("DELETE FROM pair_examination")


def downgrade() -> None:
    op.execute("DELETE FROM finding WHERE kind = 'disagreed'")
    with op.batch_alter_table("finding") as table:
        table.drop_constraint(op.f(_CHECK), type_="check")
        table.create_check_constraint(op.f(_CHECK), sa.text(_BEFORE))
