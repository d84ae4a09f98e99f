"""Tables of remote access by OAuth: clients that registered, what was granted to whom, and the tokens of a grant.

No secret stands here, only hashes; the right itself is the row of an API key, which a grant names.
"""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from postroom.store.tables.columns import number, string


class OAuthClientRow(SQLModel, table=True):
    """A client that registered itself (RFC 7591). `redirect_uris` is a list in JSON; `used_at` NULL: no grant yet."""

    __tablename__: ClassVar[Any] = "oauth_client"
    __table_args__ = (Index("oauth_client_by_time", "created_at"),)

    id: str = string(primary_key=True)
    name: str = string()
    redirect_uris: str = string()
    created_at: int = number()
    used_at: int | None = number()


class OAuthGrantRow(SQLModel, table=True):
    """What a person allowed a client: the API key underneath, and the code that stands for it once.

    `request` is the question that the person answered, `code` the SHA-256 of the code, `used_at` when it was redeemed.
    """

    __tablename__: ClassVar[Any] = "oauth_grant"
    __table_args__ = (
        Index("oauth_grant_code", "code", unique=True),
        Index("oauth_grant_request", "request", unique=True),
    )

    id: str = string(primary_key=True)
    org_id: str = string()
    pod_id: str | None = string()
    inbox_id: str | None = string()
    api_key_id: str = string()
    request: str = string()
    client_id: str = string()
    redirect_uri: str = string()
    resource: str = string()
    scope: str = string()
    challenge: str = string()
    code: bytes
    code_until: int = number()
    used_at: int | None = number()
    created_at: int = number()


class OAuthTokenRow(SQLModel, table=True):
    """A token of a grant by its SHA-256. `kind` is access or refresh; a refresh token that was redeemed stays, as
    `replaced_at` says, so that it is known when it comes again.
    """

    __tablename__: ClassVar[Any] = "oauth_token"
    __table_args__ = (
        Index("oauth_token_by_grant", "grant_id"),
        Index("oauth_token_until", "expires_at"),
        {"sqlite_with_rowid": False},
    )

    hash: bytes = Field(primary_key=True)
    grant_id: str = string()
    kind: str = string()
    expires_at: int = number()
    replaced_at: int | None = number()
