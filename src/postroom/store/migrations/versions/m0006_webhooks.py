"""Adds webhooks and their deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
ROWID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MARK = "INSERT INTO event_waiting (event_seq) VALUES (NEW.seq)"
_HEARD = "EXISTS (SELECT 1 FROM webhook WHERE org_id = NEW.org_id)"


def upgrade() -> None:
    """Change the schema of the version before."""
    _webhooks()
    _deliveries()
    for statement in marking(op.get_bind().dialect.name):
        op.execute(statement)


def marking(dialect: str) -> tuple[str, ...]:
    """Return what marks an event, as it is written, for the dispatcher, where its organization has a webhook.

    A trigger, because an arriving message and its event are one statement; without webhooks it costs one look.
    """
    if dialect == "sqlite":
        return (f"CREATE TRIGGER event_waits AFTER INSERT ON event WHEN {_HEARD} BEGIN {_MARK}; END",)
    return (
        "CREATE FUNCTION event_waits() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN IF {_HEARD} THEN {_MARK}; END IF; RETURN NULL; END $$",
        "CREATE TRIGGER event_waits AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION event_waits()",
    )


def _webhooks() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text()),
        sa.Column("inbox_id", sa.Text()),
        sa.Column("inbox_address", sa.Text()),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text()),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("event_types", sa.Text(), nullable=False),
        sa.Column("pod_ids", sa.Text(), nullable=False),
        sa.Column("inboxes", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text()),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
    )
    op.create_index("webhook_client_id", "webhook", ["place", "client_id"], unique=True)
    op.create_index("webhook_by_organization", "webhook", ["org_id", "created_at", "id"])


def _deliveries() -> None:
    op.create_table("event_waiting", sa.Column("event_seq", ROWID, primary_key=True))
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("pod_id", sa.Text()),
        sa.Column("inbox_id", sa.Text()),
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("event_seq", BIG, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", BIG),
        sa.Column("lease_until", BIG, nullable=False),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("last_error", sa.Text()),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
    )
    op.create_index("webhook_delivery_once", "webhook_delivery", ["event_seq", "webhook_id"], unique=True)
    op.create_index("webhook_delivery_due", "webhook_delivery", ["due_at"])
    op.create_index("webhook_delivery_by_owner", "webhook_delivery", ["lease_owner"])
    op.create_index("webhook_delivery_by_webhook", "webhook_delivery", ["webhook_id", "lease_until"])
