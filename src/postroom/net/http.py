"""The one outgoing HTTP client: fetches what a URL from outside names, and posts to it, under the address rules, within
a size and a time. It sends no cookies and no credentials of its own, obeys no proxy of the environment, and never looks
a name up twice.
"""

import asyncio
import contextlib
import importlib
import re
import socket
import zlib
from collections.abc import Iterator, Mapping
from email.message import Message
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, cast

from postroom.model.errors import InvalidInput, Refused, Temporary, TooLarge
from postroom.model.record import Record
from postroom.net.addresses import AddressRules

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from aiohttp.abc import AbstractResolver, ResolveResult
    from yarl import URL

MAX_URL = 4_096
MAX_FILENAME = 150
_MAX_DISPOSITION = 1_000
_CHUNK = 64 * 1024
_INFLATED = 256 * 1024  # bytes that one step of the decompressor may give
_LOOK_UP_S = 5.0
_REDIRECTS = (301, 302, 303, 307, 308)
_TOKEN = r"[A-Za-z0-9!#$&^_.+\-]{1,60}"
_CONTENT_TYPE = re.compile(rf"[ \t]*({_TOKEN}/{_TOKEN})[ \t]*(?:;|$)")
_CHARSET = re.compile(rf";[ \t]{{0,9}}charset=\"?({_TOKEN})", re.IGNORECASE)
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]")
_NOT_IN_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\\/:*?\"<>|]+")

Address = IPv4Address | IPv6Address


class Fetched(Record):
    """What a URL gave: `content` as decoded bytes, `content_type` a media type, `url` the one after redirects."""

    content: bytes
    content_type: str
    filename: str | None
    url: str


class Answered(Record):
    """What a server said: `content` as decoded bytes, `retry_after` as it stands in the header."""

    status: int
    content: bytes
    retry_after: str | None


class HttpClient:
    """Fetches URLs under `rules`. Use it in one event loop, and close it at the end."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        self._client: ClientSession | None = None
        self._closed = False

    async def fetch(self, url: str, *, max_bytes: int, timeout: float, redirects: int = 5) -> Fetched:
        """Return what `url` (http or https) gives: at most `max_bytes` when decoded, within `timeout` seconds in all.

        The name is looked up once a hop; every address it has must be allowed, and the connection goes to one of them.
        Raises Refused for an address that the rules do not allow, TooLarge past `max_bytes`, and InvalidInput at
        ``url`` for everything else: not a URL, no answer, a status other than 200, more than `redirects` redirects.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._follow(url, max_bytes, redirects)
        except TimeoutError as error:
            raise _unusable(f"No complete answer came within {timeout:g} seconds.") from error

    async def get(self, url: str, *, headers: Mapping[str, str], max_bytes: int, timeout: float) -> Answered:
        """Return what `url` (http or https) says, whatever the status; `headers` are for its host, so that no redirect
        is followed.

        Raises Refused for an address that the rules do not allow, InvalidInput at ``url`` for what is no URL, TooLarge
        past `max_bytes`, and Temporary where no complete answer came within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._get(await self._open(), self._checked(url, None), headers, max_bytes)
        except TimeoutError as error:
            raise Temporary(f"No complete answer came within {timeout:g} seconds.") from error

    async def check(self, url: str) -> None:
        """Return if `url` (http or https) may be asked one day; a name that cannot be looked up today may.

        Raises InvalidInput at ``url`` for what is no URL, and for an address that the rules do not allow.
        """
        await asyncio.to_thread(importlib.import_module, "yarl")
        try:
            target = self._checked(url, None)
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_LOOK_UP_S):
                    await _CheckingResolver(self._rules).resolve(target.host or "", target.port or 0)
        except Refused as error:
            fix = "An operator can allow it: POSTROOM_ALLOW_PRIVATE_URLS or POSTROOM_ALLOW_NETWORKS."
            raise InvalidInput.at("url", error.message, fix=fix) from error

    async def post(self, url: str, content: bytes, *, headers: Mapping[str, str], timeout: float) -> int:
        """Send `content` to `url` and return the status of the answer, whose body is not read. No redirect is followed.

        Raises Refused and InvalidInput as `fetch` does, for an answer that does not come within `timeout` seconds too.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._post(await self._open(), self._checked(url, None), content, headers)
        except TimeoutError as error:
            raise _unusable(f"No answer came within {timeout:g} seconds.") from error

    async def close(self) -> None:
        """Close the connections that are kept; the client cannot be used after it."""
        self._closed = True
        if self._client is not None:
            await self._client.close()

    async def _follow(self, url: str, max_bytes: int, redirects: int) -> Fetched:
        client = await self._open()
        target = self._checked(url, None)
        for _hop in range(redirects + 1):
            found = await self._hop(client, target, max_bytes)
            if isinstance(found, Fetched):
                return found
            target = self._checked(found, target)
        raise _unusable(f"There are more than {redirects} redirects.")

    async def _hop(self, client: "ClientSession", target: "URL", max_bytes: int) -> Fetched | str:
        # Returns where a redirect leads, unchecked, or what was fetched.
        from aiohttp import ClientError

        host = target.host or ""
        try:
            async with client.get(target, allow_redirects=False) as response:
                if response.status in _REDIRECTS and "Location" in response.headers:
                    return response.headers["Location"]
                if response.status != 200:
                    raise _unusable(f"{host} answered with status {response.status}.")
                content = await _read(response, max_bytes)
        except (ClientError, OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise _unusable(f"No usable answer came from {host}.") from error
        return Fetched(
            content=content, content_type=_content_type(response), filename=_filename(response), url=str(target)
        )

    async def _get(
        self, client: "ClientSession", target: "URL", headers: Mapping[str, str], max_bytes: int
    ) -> Answered:
        from aiohttp import ClientError

        try:
            async with client.get(target, headers=headers, allow_redirects=False) as response:
                content = await _read(response, max_bytes)
                return Answered(
                    status=response.status, content=content, retry_after=response.headers.get("Retry-After")
                )
        except (ClientError, OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise Temporary(f"No usable answer came from {target.host}.") from error

    async def _post(self, client: "ClientSession", target: "URL", content: bytes, headers: Mapping[str, str]) -> int:
        from aiohttp import ClientError

        try:
            async with client.post(target, data=content, headers=headers, allow_redirects=False) as response:
                return response.status
        except (ClientError, OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise _unusable(f"No usable answer came from {target.host}.") from error

    def _checked(self, text: str, base: "URL | None") -> "URL":
        from yarl import URL

        if len(text) > MAX_URL or _NOT_IN_URL.search(text):
            raise _unusable(f"A URL has at most {MAX_URL} characters, no space and no control character.")
        try:
            url = (base.join(URL(text)) if base else URL(text)).with_fragment(None)
            port = url.port
        except ValueError as error:
            raise _unusable("It is not a URL.") from error
        if url.scheme not in ("http", "https") or not url.host or not port:
            raise _unusable("It is not an http or https URL.")
        if url.user is not None or url.password is not None:
            raise _unusable("It holds a user name or a password.")
        self._check_literal(url.host)
        return url

    def _check_literal(self, host: str) -> None:
        # A host of digits and dots, or with a colon, is connected to without a look-up; "127.1" would be 127.0.0.1.
        if ":" in host or host.replace(".", "").isdigit():
            try:
                address = ip_address(host)
            except ValueError as error:
                raise _unusable(f"{host} is not an IP address.") from error
            _check(self._rules, host, address)

    async def _open(self) -> "ClientSession":
        # Here and not at the top: the import takes 0.2 s that a start would pay; in a thread, for the loop goes on.
        if self._client is None and not self._closed:
            await asyncio.to_thread(importlib.import_module, "aiohttp")
        if self._closed:
            raise _unusable("The server is closing.")
        if self._client is None:
            self._client = _client(self._rules)
        return self._client


def _client(rules: AddressRules) -> "ClientSession":
    from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

    def open_socket(found: tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]) -> socket.socket:
        # The last look, where a connection begins: no way around the resolver leads past it.
        family, kind, protocol, _name, place = found
        _check(rules, place[0], ip_address(place[0]))
        return socket.socket(family, kind, protocol)

    connector = TCPConnector(
        limit=32,
        use_dns_cache=False,
        resolver=cast("AbstractResolver", _CheckingResolver(rules)),
        socket_factory=open_socket,
    )
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        timeout=ClientTimeout(total=None, sock_connect=None),
        headers={"User-Agent": "Postroom", "Accept": "*/*", "Accept-Encoding": "gzip"},
    )


class _CheckingResolver:
    """Looks a name up once and hands out its addresses only if all of them are allowed (aiohttp's AbstractResolver)."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_UNSPEC) -> "list[ResolveResult]":
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        places = [(kind, str(place[0])) for kind, _type, _proto, _name, place in found]
        for _kind, address in places:
            _check(self._rules, host, ip_address(address))
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            {"hostname": host, "host": address, "port": port, "family": kind, "proto": 0, "flags": flags}
            for kind, address in places
        ]

    async def close(self) -> None:
        """Keep nothing, so close nothing."""


def _check(rules: AddressRules, host: str, address: Address) -> None:
    try:
        rules.check(address)
    except Refused as error:
        raise Refused(f"{host} may not be fetched from. {error.message}") from error


async def _read(response: "ClientResponse", max_bytes: int) -> bytes:
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise _unusable("The answer is in an encoding that was not asked for.")
    if (response.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)
    unpack = _Inflater() if encoding not in ("", "identity") else None
    pieces: list[bytes] = []
    wired = size = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        wired += len(chunk)
        for piece in unpack.feed(chunk) if unpack else (chunk,):
            size += len(piece)
            # What came is counted too: compressed blocks may be empty for ever.
            if max(wired, size) > max_bytes:
                raise _too_large(max_bytes)
            pieces.append(piece)
            await asyncio.sleep(0)
    if unpack:
        unpack.end()
    return b"".join(pieces)


class _Inflater:
    """gzip and zlib in small steps, so that a bomb is counted before it is unpacked."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        left = chunk
        try:
            while left and not self._zlib.eof:
                yield self._zlib.decompress(left, _INFLATED)
                left = self._zlib.unconsumed_tail
        except zlib.error as error:
            raise _unusable("The answer is damaged.") from error

    def end(self) -> None:
        if not self._zlib.eof:
            raise _unusable("The answer ends too early.")


def _content_type(response: "ClientResponse") -> str:
    given = response.headers.get("Content-Type", "")[:_MAX_DISPOSITION]
    found = _CONTENT_TYPE.match(given)
    if not found:
        return "application/octet-stream"
    charset = _CHARSET.search(given)
    return f"{found[1].lower()}; charset={charset[1].lower()}" if charset else found[1].lower()


def _filename(response: "ClientResponse") -> str | None:
    disposition = response.headers.get("Content-Disposition", "")
    name: str | None = None
    if disposition and len(disposition) <= _MAX_DISPOSITION:
        message = Message()  # the policy is compat32, which reads RFC 2231 and is linear at this length
        message["Content-Disposition"] = _NOT_IN_URL.sub(" ", disposition)
        name = message.get_filename()
    return _safe_name(name or "") or _safe_name(response.url.name)


def _safe_name(name: str) -> str | None:
    last = re.split(r"[/\\]", name)[-1]
    clean = _NOT_IN_NAME.sub("_", last).strip(". ")
    if len(clean) > MAX_FILENAME:
        stem, dot, extension = clean.rpartition(".")
        kept = f".{extension}" if dot and len(extension) <= 10 else ""
        clean = (stem if kept else clean)[: MAX_FILENAME - len(kept)] + kept
    return clean or None


def _unusable(sentence: str) -> InvalidInput:
    return InvalidInput.at("url", sentence)


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"What the URL names is larger than {max_bytes} bytes.")
