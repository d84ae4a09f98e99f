"""Readers of requests that say what they take: a dialect's fields and those of the operation behind them. What a
request has besides is refused by its name, and the dialect's document is made of the same readers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from postroom.http.errors import Misnamed
from postroom.http.route import Call
from postroom.model.errors import InvalidInput, Problem
from postroom.service.desk import unknown_name

_DIGITS = 12  # of a number that is worth reading


def path(call: Call) -> Mapping[str, Any]:
    """Return the path alone."""
    return call.path


@dataclass(frozen=True, kw_only=True, eq=False)
class Body:
    """Reads a body. `fields` gives by each name in it the operation's field; a null is an absent field, but for those
    in `nulls`. `items` does the same for the objects of a field that is a list, and `each` where they hold lists again;
    `fixed` is what a route always says; `reads` makes of a value what the operation takes, before anything was checked;
    `more` adds what the asker gives. `schemas` says for the document what a field is that the operation has not.
    """

    fields: Mapping[str, str]
    required: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    items: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    each: Mapping[str, "Body"] = field(default_factory=dict)
    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reads: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    more: Callable[[Call], Mapping[str, Any]] | None = None

    def __call__(self, call: Call) -> Mapping[str, Any]:
        """Return the operation's input. Raises InvalidInput for an unknown field and for one that is missing."""
        refuse_all([*self._problems(call.body)])
        added = {} if self.more is None else self.more(call)
        return {**self._read(call.body), **added, **call.path}

    def _given(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in body.items() if value is not None or name in self.nulls}

    def _read(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.fixed, **{self.fields[name]: self._value(name, one) for name, one in self._given(body).items()}}

    def _problems(self, body: Mapping[str, Any]) -> Iterator[Problem]:
        yield from self._unknown(body)
        yield from self._missing(self._given(body))
        for name, part in self.each.items():
            listed = body.get(name)
            for number, one in enumerate(listed if isinstance(listed, list) else ()):
                for problem in part._problems(one) if isinstance(one, dict) else ():
                    yield Problem(path=(name, number, *problem.path), message=problem.message)

    def renamed(self, error: InvalidInput) -> InvalidInput:
        """Return an error of the operation's in the words of the request."""
        names = {inner: name for name, inner in self.fields.items()}
        return renamed(error, names, self._named)

    def _named(self, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """Return a path into the operation's input as one into the body."""
        if not path:
            return path
        first = next((name for name, inner in self.fields.items() if inner == path[0]), path[0])
        place, rest = path[1:2], path[2:]
        if first in self.each:
            return (first, *place, *self.each[str(first)]._named(rest))
        names = {inner: name for name, inner in self.items.get(str(first), {}).items()}
        return (first, *place, *(names.get(str(step), step) for step in rest))

    def _value(self, name: str, value: Any) -> Any:
        if name in self.reads:
            return self.reads[name](value)
        if name in self.each and isinstance(value, list):
            return [self.each[name]._read(one) if isinstance(one, dict) else one for one in value]
        names = self.items.get(name)
        if names is None or not isinstance(value, list):
            return value
        return [{names[k]: v for k, v in one.items()} if isinstance(one, dict) else one for one in value]

    def _unknown(self, body: Mapping[str, Any]) -> Iterator[Problem]:
        for name in body:
            if name not in self.fields:
                yield Problem(path=(name[:100],), message=unknown_name(name[:100], tuple(self.fields)))
        for name, names in self.items.items():
            listed = body.get(name)
            for number, one in enumerate(listed if isinstance(listed, list) else ()):
                for key in one if isinstance(one, dict) else ():
                    if key not in names:
                        yield Problem(path=(name, number, key[:100]), message=unknown_name(key[:100], tuple(names)))

    def _missing(self, given: Mapping[str, Any]) -> Iterator[Problem]:
        for name in self.required:
            if name not in given:
                yield Problem(path=(name,), message="is required.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameters:
    """Reads the query of what is no list: `fields` gives by each parameter the operation's field, `reads` its value."""

    fields: Mapping[str, str]
    reads: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)

    def __call__(self, call: Call) -> Mapping[str, Any]:
        """Return the operation's input. Raises InvalidInput for an unknown parameter."""
        known = tuple(self.fields)
        unknown = [name for name in sorted(call.names) if name not in self.fields]
        refuse_all([Problem(path=(name[:100],), message=unknown_name(name[:100], known)) for name in unknown])
        given = {name: call.first[name] for name in self.fields if call.first.get(name, "") != ""}
        read = {self.fields[n]: self.reads[n](text) if n in self.reads else text for n, text in given.items()}
        return {**read, **call.path}


@dataclass(frozen=True, kw_only=True, eq=False)
class Query:
    """Reads the query of a list. `number` and `size` name the parameters of a page; `by_page`: pages are counted from
    one, else rows are left out. `fields` gives by each further parameter the operation's field, `reads` its value.
    """

    number: str
    size: str
    usual: int
    most: int = 100
    by_page: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, call: Call) -> Mapping[str, Any]:
        """Return the operation's input. Raises InvalidInput for an unknown parameter and for a number out of range."""
        known = (self.number, self.size, *self.fields)
        names = sorted(call.names)
        refuse_all([Problem(path=(n[:100],), message=unknown_name(n[:100], known)) for n in names if n not in known])
        number, size = self.page(call)
        given = {
            inner: self.reads[name](call.first[name]) if name in self.reads else call.first[name]
            for name, inner in self.fields.items()
            if call.first.get(name, "") != ""
        }
        skipped = (number - 1) * size if self.by_page else number
        return {**self.fixed, **given, **call.path, "limit": size, "offset": skipped}

    def page(self, call: Call) -> tuple[int, int]:
        """Return the number of the page, or how many rows are left out, and its size. Raises InvalidInput."""
        number = _number(call, self.number, 1 if self.by_page else 0, least=1 if self.by_page else 0)
        return number, _number(call, self.size, self.usual, least=1, most=self.most)

    def renamed(self, error: InvalidInput) -> InvalidInput:
        """Return an error of the operation's in the words of the request."""
        names = {inner: name for name, inner in self.fields.items()}
        return renamed(error, {**names, "limit": self.size, "offset": self.number})


def refuse_all(problems: list[Problem]) -> None:
    """Refuse what is wrong. Raises Misnamed where anything is."""
    if problems:
        raise Misnamed(_told(problems), problems[:20])


def renamed(
    error: InvalidInput,
    names: Mapping[str, str],
    named: Callable[[tuple[str | int, ...]], tuple[str | int, ...]] | None = None,
) -> InvalidInput:
    """Return an error whose problems are at the fields of a request: `names` gives them by those of the operation,
    `named` a whole path by that of the operation.
    """
    if not any(problem.path and problem.path[0] in names for problem in error.problems):
        return error

    def plain(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        return (names.get(str(path[0]), path[0]), *path[1:])

    name = named or plain
    problems = [Problem(path=name(p.path), message=p.message) if p.path else p for p in error.problems]
    return InvalidInput(_told(problems), problems, fix=error.fix)


def _told(problems: list[Problem]) -> str:
    return "; ".join(f"{'.'.join(map(str, p.path)) or 'input'}: {p.message}" for p in problems[:5])


def _number(call: Call, name: str, usual: int, *, least: int, most: int = 10**_DIGITS) -> int:
    text = call.first.get(name, "")
    if text == "":
        return usual
    if not (text.isascii() and text.isdecimal()) or len(text) > _DIGITS or not least <= int(text) <= most:
        bounds = f"from {least} to {most}" if most < 10**_DIGITS else f"from {least} on"
        raise InvalidInput.at(name, f"{text[:50]!r} is no number {bounds}.")
    return int(text)
