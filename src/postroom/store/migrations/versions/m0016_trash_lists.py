"""Adds the indexes by which the trash is listed."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create an index for each reach."""
    for name, column in (("organization", "org_id"), ("pod", "pod_id"), ("inbox", "inbox_id")):
        op.create_index(f"trash_by_{name}", "trash", [column, "at", "id"])
