"""Holds every answer of a dialect against the document that it gives of itself."""

import copy
import json
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from postroom.http.agentmail import openapi
from postroom.http.agentmail.app import PREFIX, ROUTES
from postroom.http.route import Route, Table

PATH = "/openapi.json"


class Contract:
    """What a dialect says of itself: its routes, its document, and the shapes of errors before a route is found: of a
    wrong request and of all others.
    """

    def __init__(
        self,
        prefix: str,
        routes: Sequence[Route],
        document: Callable[[str, Sequence[Route]], dict[str, Any]],
        invalid: str,
        error: str,
    ) -> None:
        self.prefix = prefix
        self.table = Table(prefix, routes)
        self.before_a_route = {400: invalid, **dict.fromkeys((401, 404, 405, 429), error)}
        self._made = (document, prefix, routes)

    @cached_property
    def closed(self) -> dict[str, Any]:
        """The document with every object closed: a field that it does not know is an error."""
        document, prefix, routes = self._made
        shut: dict[str, Any] = copy.deepcopy(document(prefix, routes))
        for schema in shut["components"]["schemas"].values():
            if "properties" in schema:
                schema.setdefault("additionalProperties", False)
        return shut


AGENTMAIL = Contract(PREFIX, ROUTES, openapi.document, "ValidationErrorResponse", "ErrorResponse")


def closed() -> dict[str, Any]:
    """Return the closed document of /v0."""
    return AGENTMAIL.closed


class Held:
    """The application behind it, whose answers must be what the document says.

    Raises:
        AssertionError: a status, a content type or a body that the document does not know.
    """

    def __init__(self, app: ASGIApp, contract: Contract = AGENTMAIL) -> None:
        self._app = app
        self._contract = contract

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and look at the answer."""
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)
            await send(message)

        await self._app(scope, receive, keep)
        if not sent:  # the peer went away
            return
        headers = {name.lower(): value for name, value in sent[0]["headers"]}
        body = b"".join(message.get("body", b"") for message in sent[1:])
        path = scope["raw_path"].decode("latin-1").partition("?")[0]
        media = headers.get(b"content-type", b"").decode()
        hold(scope["method"], path, sent[0]["status"], media, body, self._contract)


def hold(method: str, path: str, status: int, content_type: str, body: bytes, contract: Contract = AGENTMAIL) -> None:
    """Look at one answer. Raises AssertionError."""
    where = f"{method} {path} -> {status}"
    if path == contract.prefix + PATH:
        return
    found = contract.table.find(method, path)
    if found is None:
        assert status in contract.before_a_route, f"{where} without a route"
        _check(_reference(contract.before_a_route[status]), body, where, contract)
        return
    operation = contract.closed["paths"][contract.prefix + found[0].path][method.lower()]
    known = operation["responses"]
    assert str(status) in known, f"{where}: {operation['operationId']} has {sorted(known)}; {body[:500]!r}"
    content = _resolved(known[str(status)], contract).get("content")
    if content is None:
        assert not body, f"{where}: no body is promised; {body[:200]!r}"
        return
    media = content_type.partition(";")[0]
    assert media in content, f"{where}: {media} is not promised"
    if media == "application/json":
        _check(json.dumps(content[media]["schema"]), body, where, contract)


def _reference(name: str) -> str:
    return json.dumps({"$ref": f"#/components/schemas/{name}"})


def _resolved(response: dict[str, Any], contract: Contract) -> dict[str, Any]:
    if "$ref" not in response:
        return response
    found: dict[str, Any] = contract.closed["components"]["responses"][response["$ref"].rsplit("/", 1)[-1]]
    return found


@cache
def _validator(schema: str, contract: Contract) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": contract.closed["components"]})


def _check(schema: str, body: bytes, where: str, contract: Contract) -> None:
    problems = [
        f"{list(e.path)}: {e.message[:300]}" for e in _validator(schema, contract).iter_errors(json.loads(body))
    ]
    assert not problems, f"{where}: {problems}; {body[:500]!r}"
