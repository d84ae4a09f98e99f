"""Adds to messages whether a program wrote them, and to correspondents when an inbox wrote to them lately."""

import sqlalchemy as sa
from alembic import op

from postroom.store.migrations.versions.m0001_first import file_anew

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema of the version before."""
    op.add_column("correspondent", sa.Column("latest", sa.Text(), nullable=False, server_default=""))
    op.add_column("message", sa.Column("automatic", sa.Boolean(), nullable=False, server_default=sa.false()))
    file_anew("tainted", "automatic")
    op.execute(
        f"UPDATE message SET automatic = {'1' if op.get_bind().dialect.name == 'sqlite' else 'true'} WHERE seq IN"
        f" (SELECT message_seq FROM message_body WHERE {_is_automatic()})"
    )


def _is_automatic() -> str:
    """Return the condition that a body is of a message that says so; headers are kept as JSON, [["Name","value"],…]."""
    ways = ["(origin = 'smtp' AND envelope_from = '')"]
    ways += [f'lower(headers) LIKE \'%["precedence","{word}%\'' for word in ("bulk", "junk")]
    said = 'lower(headers) LIKE \'%["auto-submitted","{}%\''
    ways.append(f"({said.format('')} AND NOT {said.format('no')})")
    return f"origin <> 'sent' AND ({' OR '.join(ways)})"
