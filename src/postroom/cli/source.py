"""The other server that mail is moved from: its `/v0`, page by page, with patience for one that is busy. Reads alone;
the key goes to the address that was named and to no other.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from postroom.config import Settings
from postroom.model.errors import InvalidInput, Temporary
from postroom.model.inert import inert
from postroom.net.addresses import AddressRules
from postroom.net.http import Answered, HttpClient
from postroom.server import clock

HOSTED = "https://api.agentmail.to"
PAGE = 100
_BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 16.0)
_LONGEST_WAIT_S = 300.0
_ASK_S = 60.0
_DOWNLOAD_S = 300.0
MAX_LISTED = 10_000_000  # items of one list, of which each page counts as one that is full
MAX_ON_A_PAGE = 1_000
MAX_TOKEN = 4_096  # characters
_MAX_ANSWER = 64 * 2**20
# What reading an answer may cost in memory besides its text: lists and objects, and all values.
_MAX_NESTS, _MAX_VALUES = 500_000, 5_000_000
_BUSY = (408, 425, 429)
_TRIES = 2  # a signed address may have ended when it is used
Pause = Callable[[float], Awaitable[object]]


class SourceError(RuntimeError):
    """What the other server did not give. `status` is what it answered, None where it did not."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_final(self) -> bool:
        """Tell whether everything else would fail in the same way: the key is not taken."""
        return self.status == 401

    @property
    def is_silence(self) -> bool:
        """Tell whether it did not answer, though it was asked again and again."""
        return self.status is None or self.status in _BUSY or self.status >= 500


class Source:
    """Another server. `named` is for the address that a person gave, `open_` for those that the server gives."""

    def __init__(
        self,
        named: HttpClient,
        open_: HttpClient,
        url: str,
        key: str,
        *,
        pause: Pause = asyncio.sleep,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._named = named
        self._open = open_
        self._url = url.rstrip("/").removesuffix("/v0")
        self._headers = {"Authorization": f"Bearer {checked_key(key)}", "Accept": "application/json"}
        self._pause = pause
        self._say = say

    async def ask(self, path: str, **query: Any) -> dict[str, Any]:
        """Return the JSON object at a path under `/v0`. Raises SourceError."""
        words = f"?{urlencode(query)}" if query else ""
        answer = await self._patiently(
            self._named, f"{self._url}/v0{path}{words}", self._headers, max_bytes=_MAX_ANSWER, timeout=_ASK_S
        )
        if answer.status != 200:
            raise _refused(answer)
        if _is_heavy(answer.content):
            raise SourceError(f"{path}: the server answered with more values than are read.", 200)
        found = _object(answer.content)
        if found is None:
            raise SourceError(f"{path}: what it answered is no JSON object. Is it the address of such a server?", 200)
        return found

    async def pages(self, path: str, name: str, *, most: int = MAX_LISTED, **query: Any) -> AsyncIterator[list[Any]]:
        """Yield the items `name` of each page of a list, to the last.

        Raises:
            SourceError: its pages have no end, or there are more than `most` items; what came before was yielded.
        """
        more: dict[str, str] = {}
        seen: set[int] = set()  # by their hashes: at most one a page
        left = most
        while left > 0:
            page = await self.ask(path, limit=PAGE, **query, **more)
            items = _items(path, page.get(name))
            left -= max(len(items), PAGE)
            yield items
            token = page.get("next_page_token")
            if not token:
                return
            if not isinstance(token, str) or len(token) > MAX_TOKEN or hash(token) in seen:
                raise _endless(path, "no token of a next page that can be used")
            seen.add(hash(token))
            more = {"page_token": token}
        raise _endless(path, f"more than {most:,} {name}")

    async def file(self, path: str, *, max_bytes: int) -> bytes:
        """Return the bytes of what a path under `/v0` names by a `download_url`. Raises SourceError, TooLarge."""
        for left in reversed(range(_TRIES)):
            named = (await self.ask(path)).get("download_url")
            if not isinstance(named, str):
                raise SourceError("It names no address of the bytes.", 200)
            client = self._named if _is_same_place(named, self._url) else self._open
            answer = await self._patiently(client, named, {}, max_bytes=max_bytes, timeout=_DOWNLOAD_S)
            if answer.status == 200:
                return answer.content
            if not left:
                raise _refused(answer)
        raise AssertionError("unreachable")

    async def _patiently(
        self, client: HttpClient, url: str, headers: dict[str, str], *, max_bytes: int, timeout: float
    ) -> Answered:
        """Ask until there is an answer that asking again would not change, or patience ends."""
        for wait in (*_BACKOFF_S, None):
            try:
                answer = await client.get(url, headers=headers, max_bytes=max_bytes, timeout=timeout)
            except Temporary as error:
                if wait is None:
                    raise SourceError(f"{error.message} Asked {len(_BACKOFF_S) + 1} times.") from error
                seconds, why = wait, error.message
            else:
                if wait is None or not (answer.status in _BUSY or answer.status >= 500):
                    return answer
                seconds = wait if answer.retry_after is None else waiting(answer.retry_after, wait)
                why = f"The server answered {answer.status}."
            self._say(f"{why} Asking again in {seconds:.0f} s.")
            await self._pause(seconds)
        raise AssertionError("unreachable")


@contextlib.asynccontextmanager
async def open_source(settings: Settings, url: str, key: str, say: Callable[[str], None]) -> AsyncIterator[Source]:
    """Give the server at `url` while the block runs; `say` takes lines of progress.

    A private address is asked where a person has named it; one that a server names is held to the operator's rules.
    """
    is_named = url.rstrip("/") != HOSTED
    private = settings.allow_private_urls
    named = HttpClient(AddressRules(allow_private=private or is_named, allow_networks=settings.allow_networks))
    open_ = HttpClient(AddressRules(allow_private=private, allow_networks=settings.allow_networks))
    try:
        yield Source(named, open_, url, key, say=say)
    finally:
        await named.close()
        await open_.close()


def checked_key(key: str) -> str:
    """Return a key that can stand in a header. Raises InvalidInput."""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInput.at("key", "is no API key.", fix="Give the key as it was shown, or - to read it from stdin.")
    return key


def segment(text: str) -> str:
    """Return text as one segment of a path."""
    return quote(text, safe="")


def waiting(retry_after: str, otherwise: float) -> float:
    """Return the seconds that a Retry-After asks for (RFC 9110 10.2.3), at most 300."""
    given = retry_after.strip()
    if given.isascii() and given.isdigit() and len(given) < 10:
        seconds = float(given)
    else:
        try:
            until = parsedate_to_datetime(given[:100])
        except (ValueError, TypeError, IndexError, OverflowError):
            return otherwise
        seconds = (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - clock() / 1000
    return min(max(seconds, 0.0), _LONGEST_WAIT_S)


def _items(path: str, given: Any) -> list[Any]:
    items = given if isinstance(given, list) else []
    if len(items) > MAX_ON_A_PAGE:
        raise SourceError(f"{path}: {len(items):,} on a page, where {PAGE} were asked for.", 200)
    return items


def _endless(path: str, why: str) -> SourceError:
    told = f"{path}: its pages have no end ({why}). What came before is here."
    return SourceError(f"{told} Ask who runs that server; other inboxes can be named by --inbox.", 200)


def _is_heavy(content: bytes) -> bool:
    return content.count(b"[") + content.count(b"{") > _MAX_NESTS or content.count(b",") > _MAX_VALUES


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _refused(answer: Answered) -> SourceError:
    said = None if _is_heavy(answer.content) else (_object(answer.content) or {}).get("message")
    words = f" ({inert(said)[:200]})" if isinstance(said, str) else ""
    if answer.status == 401:
        return SourceError(f"The server refused the key (401){words}. Look at --key and --url.", 401)
    again = f" Asked {len(_BACKOFF_S) + 1} times." if answer.status in _BUSY or answer.status >= 500 else ""
    return SourceError(f"The server answered {answer.status}{words}.{again}", answer.status)


def _is_same_place(url: str, base: str) -> bool:
    """Tell whether an address is at the server that was named: its origin, or its port of this machine by any name."""
    try:
        one, other = urlsplit(url), urlsplit(base)
        if (one.scheme, one.port) != (other.scheme, other.port):
            return False
    except ValueError:
        return False
    return one.hostname == other.hostname or (_is_loopback(one.hostname) and _is_loopback(other.hostname))


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False
