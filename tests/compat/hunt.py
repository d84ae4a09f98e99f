"""What the tests of every dialect's OpenAPI document do: follow its references, and draw requests from an operation."""

import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import hypothesis
from hypothesis import strategies as st

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its imports are told is theirs
    from schemathesis import GenerationMode

NOBODY_TO_KEEP = ("DELETE",)


def references(value: Any) -> Iterator[str]:
    """Yield what the references in a document name."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def one_operation(
    operation: Any, mode: GenerationMode, ask: Any, known: Mapping[str, str], until: float, examples: int, seed: int
) -> None:
    """Ask for what is drawn from an operation, until a moment of the monotonic clock; none is a failure of ours."""

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
    def one(case: Any, is_known: bool) -> None:
        if time.monotonic() > until:
            return
        method = case.method.upper()
        if is_known and method not in NOBODY_TO_KEEP:
            case.path_parameters = {name: known.get(name, value) for name, value in case.path_parameters.items()}
        answer = ask(method, _path(case), **_given(case))
        assert answer.status_code < 500, (method, answer.request.url, answer.request.content[:2000], answer.text)

    try:
        one()
    except hypothesis.errors.Unsatisfiable:
        return  # where there is nothing to be wrong with, no wrong request is drawn


def _path(case: Any) -> str:
    parts = (
        quote(str(case.path_parameters.get(part[1:-1], "")), safe="") if part.startswith("{") else part
        for part in case.path.split("/")
    )
    return "/".join(parts)


def _given(case: Any) -> dict[str, Any]:
    kwargs = case.as_transport_kwargs(base_url="http://mail.test")
    key = {n: v for n, v in (case.headers or {}).items() if n.lower() == "idempotency-key"}
    given: dict[str, Any] = {"params": _pairs(kwargs.get("params") or {}), "headers": _sendable(key)}
    if case.method.upper() in ("POST", "PATCH"):
        if kwargs.get("json") is not None:
            given["json"] = kwargs["json"]
        elif isinstance(kwargs.get("data"), str | bytes):
            given["content"] = kwargs["data"]
    return given


def _pairs(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, str(one))
        for name, value in params.items()
        for one in (value if isinstance(value, list | tuple) else [value])
    ]


def _sendable(headers: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that can stand in a request at all."""
    return {name: str(value) for name, value in headers.items() if str(value).isascii() and str(value).isprintable()}
