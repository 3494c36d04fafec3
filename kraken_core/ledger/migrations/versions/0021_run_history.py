"""What began a job and what it was, the times of its stages, its gaps; completeness and verifications over time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INTERVALS = " OR ".join(f'"interval" = {interval}' for interval in (1, 5, 15, 30, 60, 240, 720, 1440))
_COUNTS = ("wanted", "covered", "present", "proved", "confirmed", "doubtful")


def upgrade() -> None:
    op.add_column("ingestion_job", sa.Column("trigger", sa.Text()))
    op.add_column("ingestion_job", sa.Column("kind", sa.Text()))
    op.add_column("gap_record", sa.Column("job_id", sa.BigInteger()))
    op.create_table(
        "job_stage",
        sa.Column("id", _ID, nullable=False),
        sa.Column("job_id", _ID, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["ingestion_job.id"], name=op.f("fk_job_stage_job_id_ingestion_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_stage")),
    )
    op.create_index(op.f("ix_job_stage_job_id"), "job_stage", ["job_id"])
    op.create_table(
        "interval_completeness",
        sa.Column("id", _ID, nullable=False),
        sa.Column("job_id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTS),
        sa.CheckConstraint(_INTERVALS, name=op.f("ck_interval_completeness_interval")),
        sa.CheckConstraint(
            " AND ".join(f"{name} >= 0" for name in _COUNTS), name=op.f("ck_interval_completeness_counts")
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["ingestion_job.id"], name=op.f("fk_interval_completeness_job_id_ingestion_job")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interval_completeness")),
    )
    op.create_table(
        "verification",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("selection", "selection_key", "state", "checks", "suspicious")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification")),
    )


def downgrade() -> None:
    op.drop_table("verification")
    op.drop_table("interval_completeness")
    op.drop_index(op.f("ix_job_stage_job_id"), table_name="job_stage")
    op.drop_table("job_stage")
    op.drop_column("gap_record", "job_id")
    op.drop_column("ingestion_job", "kind")
    op.drop_column("ingestion_job", "trigger")
