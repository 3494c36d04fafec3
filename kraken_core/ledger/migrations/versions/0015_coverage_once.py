"""Covered ranges say when they were worked out, and no two of a series overlap: the database refuses them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Ranges that do not overlap end in the order in which they begin: only the nearest one before can reach into a new one.
_SQLITE = """
CREATE TRIGGER data_coverage_range_once BEFORE INSERT ON data_coverage_range
BEGIN
    SELECT RAISE(ABORT, 'covered ranges of a series overlap') WHERE NEW."start" < (
        SELECT "end" FROM data_coverage_range
        WHERE pair_id = NEW.pair_id AND "interval" = NEW."interval" AND "start" < NEW."end"
        ORDER BY "start" DESC LIMIT 1
    );
END
"""
# Of all rows of a statement at once, as they come by the hundred thousand.
_POSTGRESQL = """
CREATE FUNCTION data_coverage_range_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM (
            SELECT "start", lag("end") OVER (PARTITION BY pair_id, "interval" ORDER BY "start") AS before
            FROM data_coverage_range
            WHERE (pair_id, "interval") IN (SELECT DISTINCT pair_id, "interval" FROM fresh)
        ) AS ranges WHERE "start" < before
    ) THEN
        RAISE EXCEPTION 'covered ranges of a series overlap' USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER data_coverage_range_once AFTER INSERT ON data_coverage_range
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION data_coverage_range_once();
"""


def upgrade() -> None:
    op.add_column("data_coverage_range", sa.Column("updated_at", sa.DateTime(timezone=True)))  # of those before: null
    op.execute(sa.text(_SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER data_coverage_range_once")
    else:
        op.execute("DROP TRIGGER data_coverage_range_once ON data_coverage_range")
        op.execute("DROP FUNCTION data_coverage_range_once()")
    op.drop_column("data_coverage_range", "updated_at")
