"""The other side of the REST figures: a bare Starlette app that reads the same rows with sqlite3 inline, orjson out.

`python -m benchmarks.bare DATABASE` serves the tables of a Postroom on a free port, whose address it prints. It looks
the bearer's key up, once a request by an index, and does nothing else that a server should: no reach, no filters, no
limits, no thread between the loop and the disk.
"""

import hashlib
import hmac
import socket
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.loops import run

_COLUMNS = (
    'm.inbox_address, m.thread_id, m.public_id, m.labels, m.timestamp, m."from", m."to", m.reply_to, m.cc, m.bcc,'
    " m.subject, m.preview, m.attachments, m.in_reply_to, m.size, m.updated_at, m.created_at"
)
_PAGE = (
    f"SELECT {_COLUMNS} FROM message m WHERE inbox_id = (SELECT inbox_id FROM inbox WHERE address_key = ?)"
    " ORDER BY timestamp DESC, seq DESC LIMIT ?"
)
_ONE = (
    f'SELECT {_COLUMNS}, b.text, b.html, b.extracted_text, b.extracted_html, b."references", b.headers,'
    " CASE WHEN b.text_at IS NULL THEN NULL ELSE substr(b.raw, b.text_at + 1) END"
    " FROM message_reference r JOIN message m ON m.seq = r.message_seq JOIN message_body b ON b.message_seq = m.seq"
    " WHERE r.inbox_id = (SELECT inbox_id FROM inbox WHERE address_key = ?) AND r.reference = ?"
)
_HEAD = 11  # characters of a key that are its displayable head
_KEY = "SELECT hash FROM api_key WHERE prefix = ?"


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def _item(row: Sequence[Any]) -> dict[str, Any]:
    shown = {
        "inbox_id": row[0],
        "thread_id": row[1],
        "message_id": row[2],
        "labels": orjson.loads(row[3]),
        "timestamp": _moment(row[4]),
        "from": row[5],
        "to": orjson.loads(row[6]),
        "size": row[14],
        "updated_at": _moment(row[15]),
        "created_at": _moment(row[16]),
    }
    lists = {"reply_to": row[7], "cc": row[8], "bcc": row[9], "attachments": row[12]}
    shown |= {name: orjson.loads(text) for name, text in lists.items() if text != "[]"}
    return shown | _given({"subject": row[10], "preview": row[11], "in_reply_to": row[13]})


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _whole(row: Sequence[Any]) -> dict[str, Any]:
    text, html, new_text, new_html, references, headers, plain = row[17:]
    text = text if plain is None else plain.decode("utf-8", "ignore").replace("\r\n", "\n")
    bodies = {"text": text, "html": html, "extracted_text": new_text or text, "extracted_html": new_html or html}
    return {
        **_item(row),
        **_given(bodies),
        "references": orjson.loads(references),
        "headers": dict(reversed(orjson.loads(headers))),
    }


class _Bare:
    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, cached_statements=64)

    def app(self) -> Starlette:
        box = "/v0/inboxes/{inbox}/messages"
        return Starlette(routes=[Route(box, self._list), Route(f"{box}/{{message:path}}", self._get)])

    async def _list(self, request: Request) -> Response:
        self._check(request)
        limit = int(request.query_params["limit"])
        rows = self._db.execute(_PAGE, (request.path_params["inbox"], limit)).fetchall()
        return _json({"count": len(rows), "limit": limit, "messages": [_item(row) for row in rows]})

    async def _get(self, request: Request) -> Response:
        self._check(request)
        wanted = (request.path_params["inbox"], unquote(request.path_params["message"]))
        return _json(_whole(self._db.execute(_ONE, wanted).fetchone()))

    def _check(self, request: Request) -> None:
        key = request.headers["authorization"].removeprefix("Bearer ").encode()
        (known,) = self._db.execute(_KEY, (key[:_HEAD].decode(),)).fetchone()
        if not hmac.compare_digest(hashlib.sha256(key).digest(), known):
            raise PermissionError


def _json(shown: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(shown, option=orjson.OPT_UTC_Z), media_type="application/json")


async def _serve(path: str) -> None:
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        print(f"http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
        # As Postroom runs it: uvloop and httptools, no access log.
        config = uvicorn.Config(_Bare(path).app(), log_config=None, access_log=False, server_header=False)
        await uvicorn.Server(config).serve(sockets=[sock])


if __name__ == "__main__":
    run(_serve(sys.argv[1]))
