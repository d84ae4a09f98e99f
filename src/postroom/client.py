"""A ready official AgentMail client for a Postroom: `from postroom.client import connect`.

It needs the official package (`pip install agentmail`) and nothing else of Postroom but where its data folder is.
"""

import json
import os
from pathlib import Path
from typing import Any

from agentmail import AgentMail
from agentmail.api_keys import CreateBearerApiKeyRequest
from agentmail.api_keys.client import ApiKeysClient
from agentmail.environment import AgentMailEnvironment
from agentmail.inboxes import CreateInboxRequest, Inbox
from agentmail.inboxes.api_keys.client import ApiKeysClient as InboxApiKeysClient
from agentmail.inboxes.client import InboxesClient

from postroom.config import Settings


def connect(url: str | None = None, api_key: str | None = None, **given: Any) -> AgentMail:
    """Return the official client, pointed at `url` (http://host:port); `given` goes to it as it is.

    Without `url` it is the server that runs on the data folder of POSTROOM_HOME; without `api_key` POSTROOM_API_KEY, or
    the owner key of that folder. Raises FileNotFoundError where no server has written where it is.
    """
    home = Settings().home
    base = (url or _reached(home)).rstrip("/")
    key = api_key or os.environ.get("POSTROOM_API_KEY") or (home / "owner.key").read_text("utf-8").strip()
    environment = AgentMailEnvironment(http=base, websockets=base.replace("http", "ws", 1))
    return Client(api_key=key, environment=environment, **given)


class Client(AgentMail):
    """The official client; what makes inboxes and keys also takes fields by name, as the product's guide writes it."""

    @property
    def inboxes(self) -> "Inboxes":
        """The inboxes."""
        return Inboxes(client_wrapper=self._client_wrapper)

    @property
    def api_keys(self) -> "ApiKeys":
        """The keys of the organization."""
        return ApiKeys(client_wrapper=self._client_wrapper)


class Inboxes(InboxesClient):
    """The official client's inboxes."""

    def create(self, *, request: CreateInboxRequest | None = None, request_options: Any = None, **fields: Any) -> Inbox:
        """Create an inbox: `request`, or its fields by name."""
        if fields:
            request = CreateInboxRequest(**fields)
        return super().create(request=request, request_options=request_options)

    @property
    def api_keys(self) -> "InboxApiKeys":
        """The keys of an inbox."""
        return InboxApiKeys(client_wrapper=self._client_wrapper)


class ApiKeys(ApiKeysClient):
    """The official client's keys of an organization."""

    def create(self, *, request: Any = None, request_options: Any = None, **fields: Any) -> Any:
        """Create a key: `request`, or its fields by name."""
        return super().create(request=request or CreateBearerApiKeyRequest(**fields), request_options=request_options)


class InboxApiKeys(InboxApiKeysClient):
    """The official client's keys of an inbox."""

    def create(self, inbox_id: str, *, request: Any = None, request_options: Any = None, **fields: Any) -> Any:
        """Create a key that reaches one inbox: `request`, or its fields by name."""
        given = request or CreateBearerApiKeyRequest(**fields)
        return super().create(inbox_id, request=given, request_options=request_options)


def _reached(home: Path) -> str:
    return str(json.loads((home / "run.json").read_text("utf-8"))["http"])
