"""Rows of a REST dialect: a method, a path, the operation behind it, how to read a request and how to show a result.

Paths are matched as they came over the wire, undecoded: a Message-ID in a path holds `/`, `@`, `<` and percent signs.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from postroom.http.json_body import object_of
from postroom.model.errors import InvalidInput, TooLarge
from postroom.model.tenant import Actor
from postroom.service.links import Links

GREEDY = frozenset({"message_id", "entry"})  # parameters that may hold a slash
_DIGITS = 18  # of a Content-Length that is worth reading
_PARAMETER = re.compile(r"\{(\w+)\}")

Scope = Literal["organization", "pod", "inbox"]


@dataclass(frozen=True)
class Call:
    """A request as a route reads it: who asks, what stands in the path, in the query and in the body."""

    actor: Actor
    path: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    body: Mapping[str, Any]
    headers: Mapping[str, str]

    @cached_property
    def first(self) -> dict[str, str]:
        """The query's parameters, the first of each name."""
        return dict(reversed(self.query))

    @cached_property
    def names(self) -> frozenset[str]:
        """The names in the query, those of lists without their brackets."""
        return frozenset(name.partition("[")[0] for name, _value in self.query)

    def strings(self, name: str) -> list[str]:
        """Return a list-valued parameter: a JSON array in one, repeated, `name[]`, `name[0]`, or with commas."""
        if name not in self.names:
            return []
        found = [v for k, v in self.query if k == name or (k.startswith(f"{name}[") and k.endswith("]"))]
        if len(found) != 1:
            return found
        (text,) = found
        if text.lstrip().startswith("["):
            try:
                listed = orjson.loads(text)
            except orjson.JSONDecodeError:
                listed = None
            if isinstance(listed, list) and all(isinstance(item, str) for item in listed):
                return listed
        return [item.strip() for item in text.split(",") if item.strip()]


def _whole(call: Call) -> Mapping[str, Any]:
    return {**call.path, **call.body}


@dataclass(frozen=True)
class Route:
    """One row. `read` makes the input of the operation, `show` what is sent back; None: an answer without a body."""

    method: str
    path: str
    operation: str
    read: Callable[[Call], Mapping[str, Any]] = _whole
    show: Callable[[Any, Call, Links], Any] | None = None
    status: int = 200
    scope: Scope = "organization"
    body: bool = False  # it takes one although its method seldom does

    @property
    def takes_body(self) -> bool:
        """Tell whether a body is read."""
        return self.body or self.method not in ("GET", "DELETE")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What the path matches, anchored at both ends."""
        parts = _PARAMETER.split(self.path)
        names = parts[1::2]
        text = re.escape(parts[0])
        for name, after in zip(names, parts[2::2], strict=True):
            text += f"(?P<{name}>{'.+' if name in GREEDY else '[^/]+'}){re.escape(after)}"
        return re.compile(text, re.DOTALL)

    @cached_property
    def _strict(self) -> re.Pattern[str]:
        """What the path matches where no parameter holds a slash: what else would match may be a path of its own."""
        return re.compile(_PARAMETER.sub("[^/]+", re.escape(self.path).replace(r"\{", "{").replace(r"\}", "}")))

    def is_at(self, path: str) -> bool:
        """Tell whether the route stands at a path, segment by segment."""
        return self._strict.fullmatch(path) is not None

    @cached_property
    def rank(self) -> tuple[int, ...]:
        """The order of trying: words of the path before parameters, and longer paths before shorter ones."""
        segments = self.path.strip("/").split("/")
        return (-len(segments), *(1 if s.startswith("{") else 0 for s in segments))


class Table:
    """The routes of a dialect below `prefix`, in groups by the method and the words that stand first and third in the
    path: to match a path with each of two hundred patterns costs as much as to read what it asks for.
    """

    def __init__(self, prefix: str, routes: Sequence[Route]) -> None:
        self._prefix = prefix
        self._words = {"", *(_steps(route.path)[1] for route in routes if not _steps(route.path)[1].startswith("{"))}
        self._groups: dict[tuple[str, str, str], list[Route]] = defaultdict(list)
        for route in sorted(routes, key=lambda route: route.rank):
            first, third = _steps(route.path)
            for word in self._words if third.startswith("{") else (third,):
                self._groups[route.method, first, word].append(route)

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route for an undecoded path and the decoded values of its parameters."""
        rest = raw_path.removeprefix(self._prefix).rstrip("/")
        first, third = _steps(rest)
        for route in self._groups.get((method, first, third if third in self._words else ""), ()):
            if (match := route.pattern.fullmatch(rest)) is not None:
                return route, {name: unquote(value) for name, value in match.groupdict().items()}
        return None

    def allowed(self, raw_path: str) -> list[str]:
        """Return the methods that an undecoded path has, in order; none where there is no such path."""
        rest = raw_path.removeprefix(self._prefix).rstrip("/")
        methods = sorted({method for method, _first, _word in self._groups})
        found = ((method, self.find(method, raw_path)) for method in methods)
        return [method for method, one in found if one is not None and one[0].is_at(rest)]


def _steps(path: str) -> tuple[str, str]:
    """Return the first and the third step of a path, empty where it is shorter."""
    _before, first, _second, third, *_more = f"{path}///".split("/", 4)
    return first, third


def raw_path(request: Request) -> str:
    """Return the path as it stood in the request line, without the query."""
    raw = request.scope.get("raw_path") or request.scope["path"].encode()
    return str(raw.decode("latin-1")).partition("?")[0]


def query_of(request: Request) -> list[tuple[str, str]]:
    """Return the query's pairs in order. Raises InvalidInput for more than a person would write, and for NUL."""
    try:
        pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise InvalidInput("The query has too many parameters.", fix="Give at most 200.") from error
    for name, value in pairs:
        if "\0" in value:
            raise InvalidInput.at(name[:100], "has a NUL character.", fix="Leave it out.")
    return pairs


async def body_of(request: Request, limit: int) -> Mapping[str, Any]:
    """Return the JSON object of a body; an empty body is an empty object.

    Raises:
        TooLarge: over `limit` bytes; said before it was read through.
        InvalidInput: it is not a JSON object, or one that `json_body.object_of` refuses.
        ClientDisconnect: the peer went away.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > _DIGITS or int(length) > limit):
        raise _too_large(limit)
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        pieces.append(piece)
    text = b"".join(pieces)
    if not text.strip():
        return {}
    return object_of(text)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request is over {limit} bytes.", fix="Send less, or attachments by url.")


class Json(Response):
    """A JSON answer."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes of `content`."""
        return orjson.dumps(content)
