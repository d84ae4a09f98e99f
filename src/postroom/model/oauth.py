"""Remote access by OAuth in records: who asks, what was granted, and what is refused in the words of the RFCs."""

from postroom.model.errors import InvalidInput
from postroom.model.record import Record
from postroom.model.tenant import Actor


class Client(Record):
    """A program that asks for access. `client_id` is what we gave it, or the https URL of its own document."""

    client_id: str
    name: str  # as it calls itself: nobody vouches for it
    redirect_uris: tuple[str, ...]


class Grant(Record):
    """What a person allowed a client; times in UTC milliseconds."""

    grant_id: str
    api_key_id: str
    client_id: str
    redirect_uri: str
    resource: str
    scope: str
    challenge: str
    code_until: int
    used_at: int | None


class Token(Record):
    """A token that was found by its hash, with the grant that it belongs to."""

    kind: str
    expires_at: int
    replaced_at: int | None
    grant: Grant


class Tokens(Record):
    """What a client is given: the only time that the two are shown. `expires_in` is seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str


class Granted(Record):
    """Who acts by an access token, and until when (UTC milliseconds)."""

    actor: Actor
    until: int


class OAuthProblem(InvalidInput):
    """A request that is refused. `code` is one of RFC 6749, 7591 or 8707; `back`: where its client waits to be told."""

    code = "invalid_request"

    def __init__(self, message: str, *, code: str = "invalid_request", back: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.back = back
