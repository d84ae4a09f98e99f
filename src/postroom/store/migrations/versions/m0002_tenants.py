"""Adds inboxes that pause and are found by their words, pods and keys with more to them."""

import sqlalchemy as sa
from alembic import op

from postroom.model.inbox import words_of

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()


def upgrade() -> None:
    """Change the schema of the version before."""
    op.add_column("inbox", sa.Column("status", sa.Text(), nullable=False, server_default="active"))
    op.drop_index("inbox_client_id", "inbox")
    op.create_index("inbox_client_id", "inbox", ["pod_id", "client_id"], unique=True)
    op.create_index("inbox_by_pod", "inbox", ["pod_id", "created_at", "inbox_id"])
    op.add_column("pod", sa.Column("client_id", sa.Text()))
    op.add_column("pod", sa.Column("default_of", sa.Text()))
    op.execute(
        "UPDATE pod SET default_of = org_id WHERE id ="
        " (SELECT o.id FROM pod o WHERE o.org_id = pod.org_id ORDER BY o.created_at, o.id LIMIT 1)"
    )
    op.create_index("pod_default", "pod", ["default_of"], unique=True)
    op.drop_index("pod_by_organization", "pod")
    op.create_index("pod_by_organization", "pod", ["org_id", "created_at", "id"])
    op.create_index("pod_client_id", "pod", ["org_id", "client_id"], unique=True)
    # A column that is added needs a value for the rows that are there.
    op.add_column("api_key", sa.Column("updated_at", BIG, nullable=False, server_default="0"))
    op.execute("UPDATE api_key SET updated_at = created_at")
    op.create_index("api_key_by_pod", "api_key", ["pod_id", "created_at", "id"])
    op.create_index("api_key_by_inbox", "api_key", ["inbox_id", "created_at", "id"])
    _words()


def _words() -> None:
    word = op.create_table(
        "inbox_word",
        sa.Column("inbox_id", sa.Text(), primary_key=True),
        sa.Column("word", sa.Text(), primary_key=True),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("inbox_word_by_organization", "inbox_word", ["org_id", "word", "inbox_id"])
    op.create_index("inbox_word_by_pod", "inbox_word", ["pod_id", "word", "inbox_id"])
    connection = op.get_bind()
    known = connection.execute(sa.text("SELECT inbox_id, org_id, pod_id, address, display_name FROM inbox"))
    for inbox_id, org_id, pod_id, address, name in known.fetchall():
        owner = {"inbox_id": inbox_id, "org_id": org_id, "pod_id": pod_id}
        rows = [{**owner, "word": found} for found in words_of(address, name)]
        connection.execute(sa.insert(word), rows)
