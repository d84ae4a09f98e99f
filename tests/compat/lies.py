"""A lie told in place of an operation of the dialect, to find out whether a test notices; nothing on disk is changed.

The lie does all but the deed: it checks the key, the permission, the input and whether what is asked for exists, then
answers with the right status and every required field, echoing the request, and does nothing. A list is an empty page.
"""

import contextlib
import inspect
import typing
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from unittest import mock

from agentmail import AsyncAgentMail
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from postroom.http import auth
from postroom.http.agentmail import app as dialect
from postroom.http.route import Call, Json, Route, Table, body_of, query_of, raw_path
from postroom.service import desk as desks
from tests.compat.requirements import OperationRow


def route_of(row: OperationRow) -> Route:
    """Return the route that serves an operation. Raises LookupError where there is none."""
    for route in dialect.ROUTES:
        if route.method == row.method and shape(dialect.PREFIX + route.path) == shape(row.path):
            return route
    raise LookupError(f"no route for {row.id}")


def shape(path: str) -> str:
    """Return a path with the names of its parameters left out."""
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


def method_of(row: OperationRow) -> Any:
    """Return the official client's method for an operation. Raises AttributeError where it has none."""
    method: Any = _official()
    for name in row.id.split("."):
        method = getattr(method, name)
    return method


@cache
def _official() -> AsyncAgentMail:
    return AsyncAgentMail(api_key="none")  # one: each reads the certificates of the machine, 0.1 s


def model_of(row: OperationRow) -> Any:
    """Return what the official client says that an operation answers with."""
    return typing.get_type_hints(method_of(row))["return"]


def plausible(annotation: Any, echoed: Mapping[str, Any]) -> Any:
    """Return JSON of the type with all its required fields, those of `echoed` as they were given."""
    arguments = typing.get_args(annotation)
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return _object(annotation, echoed)
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return arguments[0]
    if origin in (list, tuple, typing.get_origin(typing.Sequence[int])):
        return []
    if arguments and origin is not dict:
        return plausible(arguments[0], echoed)
    plain: dict[Any, Any] = {str: "x", int: 0, float: 0.0, bool: True, datetime: "2026-03-02T09:00:00.000Z"}
    return plain.get(annotation, {})


def _object(model: type[BaseModel], echoed: Mapping[str, Any]) -> dict[str, Any]:
    shown = {}
    for name, field in model.model_fields.items():
        wire = field.alias or name
        if wire in echoed:
            shown[wire] = echoed[wire]
        elif field.is_required():
            shown[wire] = plausible(field.annotation, {})
    return shown


class Lie:
    """The dialect's `_answer` with one operation told instead of done."""

    def __init__(self, row: OperationRow) -> None:
        self.route = route_of(row)
        self.model = model_of(row)

    async def __call__(self, app: Any, request: Request) -> Response:
        actor = await auth.bearer(request, app._keys)
        found = app._table.find(request.method, raw_path(request))
        if found is None or found[0] is not self.route:
            return await _true_answer(app, request)
        route, path = found
        body = {} if request.method in ("GET", "DELETE") else await body_of(request, app._limit)
        echoed = {**body, **path}
        call = Call(await app.within(actor, route, path), path, query_of(request), body, request.headers)
        given = route.read(call)
        operation = app.desk.operations[route.operation]
        desks._check_permission(operation, call.actor)
        desks._validated(operation, given)
        await self._meet(app, call, given)
        return self._tell(echoed)

    async def _meet(self, app: Any, call: Call, given: Mapping[str, Any]) -> None:
        """Raise NotFound for what is not there, as the true operation does."""
        anyone = call.actor.model_copy(update={"permissions": None})
        if self.route.method == "GET":
            await app.desk.call(self.route.operation, anyone, given)
            return
        one = self.route.path[: self.route.path.rfind("}") + 1]  # the object that the path is about
        found = Table(dialect.PREFIX, dialect.ROUTES).find("GET", dialect.PREFIX + one)
        if found is not None and found[0].path == one:
            names = {name: value for name, value in call.path.items() if f"{{{name}}}" in one}
            await app.desk.call(found[0].operation, anyone, names)

    def _tell(self, echoed: Mapping[str, Any]) -> Response:
        if self.route.show is None:
            return Response(status_code=self.route.status)
        if not (inspect.isclass(self.model) and issubclass(self.model, BaseModel)) and not typing.get_args(self.model):
            return Response(status_code=self.route.status)
        if "AsyncIterator" in str(self.model):
            return Response("x", status_code=self.route.status)
        return Json(plausible(self.model, echoed), self.route.status)


_true_answer = dialect.AgentMail._answer


@contextlib.contextmanager
def lying(row: OperationRow) -> Iterator[None]:
    """Tell instead of doing while the block runs."""
    lie = Lie(row)

    async def answer(app: Any, request: Request) -> Response:
        return await lie(app, request)

    with mock.patch.object(dialect.AgentMail, "_answer", answer):
        yield
