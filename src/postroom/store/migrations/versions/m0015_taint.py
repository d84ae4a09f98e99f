"""Adds to messages and drafts whether they were written of mail from outside, and the families of agents' keys."""

import json

import sqlalchemy as sa
from alembic import op

from postroom.store.migrations.versions.m0001_first import file_anew

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema of the version before."""
    op.add_column("draft", sa.Column("tainted", sa.Text()))
    op.add_column("message", sa.Column("tainted", sa.Boolean(), nullable=False, server_default=sa.false()))
    file_anew("tainted")
    op.create_table(
        "key_family",
        sa.Column("api_key_id", sa.Text(), primary_key=True),
        sa.Column("family", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    _find_families(op.get_bind())


def _find_families(connection: sa.Connection) -> None:
    """Write down of whose family each key is: the outermost of those that made it that was no owner's key."""
    keys = connection.execute(sa.text("SELECT id, pod_id, inbox_id, permissions, made_by FROM api_key")).all()
    bound = set(connection.execute(sa.text("SELECT place FROM policy")).scalars())
    chains = {key.id: tuple(json.loads(key.made_by or "[]")) for key in keys}
    # Of a deleted one nobody knows what it might: then it counts as an agent's.
    owners = {key.id for key in keys if (key.pod_id, key.inbox_id, key.permissions) == (None, None, None)}
    add = sa.text("INSERT INTO key_family (api_key_id, family) VALUES (:key, :family)")
    for key, made_by in chains.items():
        family = next((one for one in reversed(made_by) if one not in owners or one in bound), None)
        if family is not None:
            connection.execute(add, {"key": key, "family": family})
