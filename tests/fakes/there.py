"""Another server of the AgentMail API, as far as moving mail from it asks: on a socket of this host, with failures that
a test names.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

KEY = "am_test_key"
Json = dict[str, Any]


class There:
    """`messages` are the listed items by inbox, `raws` the bytes by message id; `faults` what is answered instead, by
    the beginning of a path, in turn. `asked` is what was asked: the path, and whether the key came with it.
    """

    def __init__(self) -> None:
        self.inboxes: list[Json] = []
        self.messages: dict[str, list[Any]] = {}
        self.raws: dict[str, bytes] = {}
        self.drafts: dict[str, list[Json]] = {}
        self.entries: dict[str, list[Json]] = {}
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, deque[tuple[int, Json]]] = {}
        self.asked: list[tuple[str, bool]] = []
        self.page = 100
        self.url = ""
        self.elsewhere: str | None = None  # where the bytes are said to be

    def inbox(self, address: str, **more: Any) -> None:
        self.inboxes.append({"inbox_id": address, **more})
        self.messages[address] = []

    def message(self, inbox: str, message_id: str, raw: bytes, at: str, **more: Any) -> None:
        """Add a message; it was received, and is a thread of its own, where nothing else is said."""
        item = {"message_id": message_id, "timestamp": at, "size": len(raw), "from": "a@example.com"}
        self.messages[inbox].append({**item, "thread_id": f"t-{message_id}", "labels": ["received", "unread"], **more})
        self.raws[message_id] = raw

    def fail(self, path: str, *answers: tuple[int, Json]) -> None:
        """Answer what begins with `path` so, once each: a status and header fields."""
        self.faults[path] = deque(answers)

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Serve on a free port while the block runs; give the address."""
        server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        try:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self.url
        finally:
            server.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            first, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            status, content, more = self._answer(first.split(" ")[1], "\n".join(fields).lower())
            lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in more.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + content)
            await writer.drain()
        writer.close()

    def _answer(self, target: str, fields: str) -> tuple[int, bytes, Json]:
        url = urlsplit(target)
        has_key = "authorization:" in fields
        self.asked.append((target, has_key))
        for begins, answers in self.faults.items():
            if target.startswith(begins) and answers:
                status, more = answers.popleft()
                return status, json.dumps({"message": "not now"}).encode(), more
        if url.path.startswith("/bytes/"):
            return 200, self.files[unquote(url.path.removeprefix("/bytes/"))], {}
        if f"authorization: bearer {KEY}" not in fields:
            return 401, b'{"message": "no such key"}', {}
        found = self._found([unquote(s) for s in url.path.split("/")[2:]], parse_qs(url.query))
        return (404, b"{}", {}) if found is None else (200, json.dumps(found).encode(), {})

    def _found(self, way: list[str], query: dict[str, list[str]]) -> Json | None:
        match way:
            case ["inboxes"]:
                return self._paged("inboxes", self.inboxes, query)
            case ["inboxes", inbox]:
                return next((i for i in self.inboxes if i["inbox_id"] == inbox), None)
            case ["inboxes", inbox, "messages"]:
                return self._paged("messages", self.messages[inbox], query)
            case ["inboxes", _, "messages", message, "raw"]:
                return self._named(f"raw {message}", self.raws.get(message))
            case ["inboxes", inbox, "drafts"]:
                return self._paged("drafts", self.drafts.get(inbox, []), query)
            case ["inboxes", inbox, "drafts", draft]:
                return next((d for d in self.drafts[inbox] if d["draft_id"] == draft), None)
            case ["inboxes", _, "drafts", _, "attachments", file]:
                return self._named(file, self.files.get(file))
            case [*place, "lists", direction, kind]:
                return self._paged("entries", self.entries.get("/".join([*place[1:], direction, kind]), []), query)
        return None

    def _named(self, name: str, content: bytes | None) -> Json | None:
        if content is None:
            return None
        self.files[name] = content
        return {"download_url": f"{self.elsewhere or self.url}/bytes/{quote(name, safe='')}"}

    def _paged(self, name: str, items: list[Any], query: dict[str, list[str]]) -> Json:
        begin = int(query.get("page_token", ["0"])[0])
        end = begin + min(self.page, int(query["limit"][0]))
        more = {"next_page_token": str(end)} if end < len(items) else {}
        return {name: items[begin:end], "count": len(items[begin:end]), **more}
