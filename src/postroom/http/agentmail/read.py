"""What requests of this dialect have in common: pages, filters, labels, the body as the operation wants it."""

from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from postroom.http.route import Call
from postroom.model.errors import InvalidInput, Problem
from postroom.service.desk import unknown_name
from postroom.service.operation import OURS
from postroom.service.uploads import AttachmentToSend

_PAGE = ("limit", "page_token", "ascending", "before", "after", "q")
_HIDDEN = tuple(f"include_{label}" for label in ("spam", "blocked", "unauthenticated", "trash"))
_LISTS = ("labels", "from", "to", "subject", "senders", "recipients")
_OF_LISTS = frozenset({*_PAGE, *_HIDDEN, *_LISTS})
_FILE = AttachmentToSend.model_fields
_OURS = frozenset(name for name, field in _FILE.items() if field.json_schema_extra is OURS)
_THEIRS = tuple(name for name in _FILE if name not in _OURS)
RANGE = ("start", "end", "period", "limit", "descending", "window")
KINDS = ("event_types", "usage_types", "rate_types")
QUERY = frozenset({*_PAGE, *_HIDDEN, *_LISTS, *RANGE, *KINDS, "type"})  # all that is read of a query, anywhere


def page(call: Call) -> Mapping[str, Any]:
    """Return the path, and of the query what pages and filters a list. What a client does not mean is left out."""
    given: dict[str, Any] = dict(call.path)
    for name in call.names & _OF_LISTS:  # most requests have one: not each that there might be is looked for
        value = call.strings(name) if name in _LISTS else call.first.get(name)
        if value:
            given[name] = value
    return given


def body(call: Call) -> Mapping[str, Any]:
    """Return the path and the body; a null is an absent field, except where an operation tells them apart."""
    return {**{name: value for name, value in call.body.items() if value is not None}, **call.path}


def check_files(given: Mapping[str, Any]) -> None:
    """Refuse what only our own dialect takes of a file.

    Raises:
        InvalidInput: as for any unknown field.
    """
    for field in ("attachments", "add_attachments"):
        files = given.get(field)
        for number, file in enumerate(files if isinstance(files, list) else ()):
            for name in file if isinstance(file, dict) else ():
                if name in _OURS:
                    said = unknown_name(name, _THEIRS)
                    raise InvalidInput(
                        f"{field}.{number}.{name}: {said}", [Problem(path=(field, number, name), message=said)]
                    )


def check_ours(fields: Mapping[str, FieldInfo], given: Mapping[str, Any]) -> None:
    """Refuse what of an operation's fields only other dialects take.

    Raises:
        InvalidInput: as for any unknown field.
    """
    for name in given:
        if name in fields and fields[name].json_schema_extra is OURS:
            theirs = tuple(field.alias or n for n, field in fields.items() if field.json_schema_extra is not OURS)
            raise InvalidInput.at(name, unknown_name(name, theirs))


def whole_body(call: Call) -> Mapping[str, Any]:
    """Return the path and the body with its nulls."""
    return {**call.body, **call.path}


def keyed(call: Call) -> Mapping[str, Any]:
    """Return the path, the body and the header that makes a second try harmless.

    Raises:
        InvalidInput: the key stands in the body.
    """
    if "idempotency_key" in call.body:
        raise InvalidInput.at("idempotency_key", "is no field of the body.", fix="Send the header Idempotency-Key.")
    key = call.headers.get("idempotency-key")
    return body(call) if key is None else {**body(call), "idempotency_key": key}


def path(call: Call) -> Mapping[str, Any]:
    """Return the path alone."""
    return call.path


def limit(call: Call) -> int | None:
    """Return the limit that the client gave, to be repeated in the answer."""
    return int(given) if (given := call.first.get("limit", "")).isdecimal() else None
