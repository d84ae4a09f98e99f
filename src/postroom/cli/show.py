"""Prints results: lines for a person, JSON for a program, bytes as they are."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from postroom.mcp.words import moment
from postroom.model.inert import inert
from postroom.model.message import MessageLine
from postroom.model.page import Page
from postroom.service.messages import Content

# What a person does not look for in a list.
_INNER = ("org_id", "pod_id", "seq", "id", "headers", "html", "extracted_html", "extracted_text")

# Lists that a person reads to the end: of a message that waits for an answer.
_IN_FULL = ("header", "parts")


def result(value: Any, *, as_json: bool, output: Path | None = None) -> None:
    """Print what an operation returned."""
    content = value.content if isinstance(value, Content) else value
    if isinstance(content, bytes) and (output is not None or not as_json):
        _write(content, output, as_json=as_json)
    elif as_json:
        print(json.dumps(_plain(value), ensure_ascii=False))
    else:
        _lines(value)


def _write(content: bytes, output: Path | None, *, as_json: bool) -> None:
    if output is not None:
        output.write_bytes(content)
        told = {"output": str(output), "size": len(content)}
        print(json.dumps(told) if as_json else f"{len(content)} bytes in {output}")
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"content": base64.b64encode(value).decode()}
    if isinstance(value, Content):
        return {**value.model_dump(mode="json", exclude={"content"}), **_plain(value.content)}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, Page):
        return {"items": _plain(value.items), "next_page_token": value.next_page_token}
    if isinstance(value, MessageLine):
        return value.as_json()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return {"ok": True} if value is None else value


def _lines(value: Any) -> None:
    if isinstance(value, Page):
        for item in value.items:
            _lines(item)
            print()
        print(
            f"next page: --page-token {value.next_page_token}"
            if value.next_page_token
            else f"{len(value.items)} in all"
        )
    elif isinstance(value, list | tuple) and not isinstance(value, MessageLine):
        for item in value:
            _lines(item)
            print()
        print(f"{len(value)} in all")
    elif value is None:
        print("done")
    else:
        _fields(_plain(value), "")


def _fields(value: Any, indent: str) -> None:
    if not isinstance(value, dict):
        print(f"{indent}{inert(str(value))}")
        return
    for name, item in value.items():
        if item in (None, [], {}, ()) or name in _INNER:
            continue
        if isinstance(item, dict):
            print(f"{indent}{name}:")
            _fields(item, indent + "  ")
        elif isinstance(item, list) and name in _IN_FULL:
            print(f"{indent}{name}:")
            for one in item:
                _fields(one if isinstance(one, dict) else ": ".join(one), indent + "  ")
        elif isinstance(item, list):
            print(f"{indent}{name}: {', '.join(map(_short, item))}")
        else:
            shown = moment(item) if name.endswith(("_at", "timestamp")) and isinstance(item, int) else str(item)
            print(f"{indent}{name.rstrip('_')}: {inert(shown)}")


def _short(item: Any) -> str:
    values = item.values() if isinstance(item, dict) else (item,)
    # What came from outside must not steer the terminal.
    return inert(" ".join(str(value) for value in values if value is not None))
