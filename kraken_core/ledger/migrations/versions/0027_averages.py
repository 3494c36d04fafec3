"""What is kept of replaced candles and of sweeps half-way may have averages, which earlier versions would misread.

No table changes: the revision alone has them refuse the home.
"""

from __future__ import annotations

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Read what there is as before."""


def downgrade() -> None:
    """Leave what there is: without averages it is read as before."""
