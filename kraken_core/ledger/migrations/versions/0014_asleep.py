"""Silences that the whole exchange's explain are kept, to be judged again when more is known of other pairs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_BEFORE = "\"kind\" = 'agreed' OR \"kind\" = 'doubtful'"
_CHECK = "ck_finding_kind"


def upgrade() -> None:
    with op.batch_alter_table("finding") as table:
        table.drop_constraint(op.f(_CHECK), type_="check")
        table.create_check_constraint(op.f(_CHECK), sa.text(f"{_BEFORE} OR \"kind\" = 'asleep'"))
    # What was explained was not kept so far: pairs are looked at again by the next job that speaks of them.
    op.execute("DELETE FROM pair_examination")


def downgrade() -> None:
    op.execute("DELETE FROM finding WHERE kind = 'asleep'")
    with op.batch_alter_table("finding") as table:
        table.drop_constraint(op.f(_CHECK), type_="check")
        table.create_check_constraint(op.f(_CHECK), sa.text(_BEFORE))
