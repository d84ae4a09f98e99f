"""Holds every answer of the dialect against the document that it gives of itself."""

import copy
import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from postroom.http.agentmail import openapi
from postroom.http.agentmail.app import PREFIX, ROUTES
from postroom.http.route import Table

_TABLE = Table(PREFIX, ROUTES)
_BEFORE_A_ROUTE = {400: "ValidationErrorResponse", 401: "ErrorResponse", 404: "ErrorResponse"}


@cache
def closed() -> dict[str, Any]:
    """Return the document with every object closed: a field that it does not know is an error."""
    document = openapi.document(PREFIX, ROUTES)
    shut: dict[str, Any] = copy.deepcopy(document)
    for schema in shut["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return shut


class Held:
    """The application behind it, whose answers must be what the document says.

    Raises:
        AssertionError: a status, a content type or a body that the document does not know.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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
        hold(scope["method"], path, sent[0]["status"], headers.get(b"content-type", b"").decode(), body)


def hold(method: str, path: str, status: int, content_type: str, body: bytes) -> None:
    """Look at one answer. Raises AssertionError."""
    where = f"{method} {path} -> {status}"
    if path == PREFIX + openapi.PATH:
        return
    found = _TABLE.find(method, path)
    if found is None:
        assert status in _BEFORE_A_ROUTE, f"{where} without a route"
        _check(_reference(_BEFORE_A_ROUTE[status]), body, where)
        return
    operation = closed()["paths"][PREFIX + found[0].path][method.lower()]
    known = operation["responses"]
    assert str(status) in known, f"{where}: {operation['operationId']} has {sorted(known)}; {body[:500]!r}"
    content = _resolved(known[str(status)]).get("content")
    if content is None:
        assert not body, f"{where}: no body is promised; {body[:200]!r}"
        return
    media = content_type.partition(";")[0]
    assert media in content, f"{where}: {media} is not promised"
    if media == "application/json":
        _check(json.dumps(content[media]["schema"]), body, where)


def _reference(name: str) -> str:
    return json.dumps({"$ref": f"#/components/schemas/{name}"})


def _resolved(response: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in response:
        return response
    found: dict[str, Any] = closed()["components"]["responses"][response["$ref"].rsplit("/", 1)[-1]]
    return found


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": closed()["components"]})


def _check(schema: str, body: bytes, where: str) -> None:
    problems = [f"{list(e.path)}: {e.message[:300]}" for e in _validator(schema).iter_errors(json.loads(body))]
    assert not problems, f"{where}: {problems}; {body[:500]!r}"
