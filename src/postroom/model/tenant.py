"""Who owns and who asks: organizations, pods, API keys, the actor of a call and how far it reaches."""

from typing import ClassVar, Literal

from postroom.model.record import Record

Within = Literal["org_id", "pod_id", "inbox_id"]


class Reach(Record):
    """How far a transaction sees: all rows whose columns agree with what is not None here."""

    org_id: str | None = None
    pod_id: str | None = None
    inbox_id: str | None = None

    EVERYWHERE: ClassVar["Reach"]

    @property
    def innermost(self) -> tuple[Within, str | None]:
        """The narrowest of inbox, pod and organization: the column that names it, and its id (None: everywhere)."""
        if self.inbox_id is not None:
            return "inbox_id", self.inbox_id
        return ("pod_id", self.pod_id) if self.pod_id is not None else ("org_id", self.org_id)


# For internal operations alone (mail arriving, queues); no key ever has it.
Reach.EVERYWHERE = Reach()


class Organization(Record):
    """A tenant. Everything belongs to exactly one."""

    organization_id: str
    name: str
    created_at: int  # UTC milliseconds, as all times here


class Counted(Record):
    """An organization, the number of its inboxes and domains within the asker's reach, and how many it may have."""

    organization: Organization
    inboxes: int
    domains: int
    inbox_limit: int
    domain_limit: int


class Pod(Record):
    """A part of an organization; one is there from the start."""

    pod_id: str
    org_id: str
    name: str
    client_id: str | None
    created_at: int


class ApiKey(Record):
    """A key as it is shown: never the secret itself. `permissions` None = everything within its reach."""

    api_key_id: str
    org_id: str
    pod_id: str | None
    inbox_id: str | None  # inner id; None = not confined to an inbox
    inbox_address: str | None
    name: str
    prefix: str
    permissions: frozenset[str] | None
    created_at: int
    updated_at: int
    expires_at: int | None
    used_at: int | None = None  # true to the minute
    made_by: tuple[str, ...] = ()  # the key that made it, and those that made that one


class NewApiKey(Record):
    """A key at the moment it is made: the only time that the secret is shown."""

    key: ApiKey
    api_key: str


class Actor(Record):
    """Who asks: the reach and the permissions of the key that was shown, or the local owner."""

    reach: Reach
    api_key_id: str | None = None  # None: the local owner, or Postroom itself
    permissions: frozenset[str] | None = None
    expires_at: int | None = None  # of the key; None: it has no end
    made_by: tuple[str, ...] = ()  # the keys that made the key, nearest first: what holds for them holds for it
    family: str | None = None  # the first key of its family, where an agent's key made it: they spend one rate

    def may(self, permission: str) -> bool:
        return self.permissions is None or permission in self.permissions


SYSTEM = Actor(reach=Reach.EVERYWHERE)
