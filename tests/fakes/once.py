"""What costs much and is the same for every test, made once in a process. Only how often it is made changes: each part
is made by the product or the SDK itself, and tests of processes make all of it every time.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from unittest import mock

from mcp.server.mcpserver.tools.base import Tool

from postroom.mime import dkim

KEYS = 8  # more than any test makes: two domains of one test never share a key


@contextlib.contextmanager
def made_once() -> Iterator[None]:
    """Let the schemas of tools and the keys of domains be made once while the block runs."""
    with (
        mock.patch.object(dkim, "new_key", _Pool(dkim.new_key)),
        mock.patch.object(Tool, "from_function", _Tools(Tool.from_function)),
    ):
        yield


class _Pool:
    """Keys in turn: an RSA key takes 50 ms of a processor."""

    def __init__(self, new_key: Callable[[], dkim.SigningKey]) -> None:
        self._new_key = new_key
        self._made: list[dkim.SigningKey] = []
        self._turn = count()

    def __call__(self) -> dkim.SigningKey:
        if len(self._made) < KEYS:
            self._made.append(self._new_key())
            return self._made[-1]
        return self._made[next(self._turn) % KEYS]


class _Tools:
    """Tools of functions: each server has functions of its own, of the code that all share; the schemas take 0.3 s."""

    def __init__(self, from_function: Callable[..., Tool]) -> None:
        self._from_function = from_function
        self._made: dict[tuple[str | None, object], Tool] = {}

    def __call__(self, fn: Callable[..., Any], name: str | None = None, **given: Any) -> Tool:
        key = name, getattr(fn, "__code__", fn)
        if key not in self._made:
            tool = self._from_function(fn, name=name, **given)
            if tool.resolved_params:  # how it asks for them is its own
                return tool
            self._made[key] = tool
        made = self._made[key]
        own = {field: value for field, value in given.items() if field in Tool.model_fields and value is not None}
        return made.model_copy(update={**own, "fn": fn, "parameters": copy.deepcopy(made.parameters)})
