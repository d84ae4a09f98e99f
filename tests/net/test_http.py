"""The one outgoing client: which addresses it reaches, and what it does with servers that mean harm."""

import asyncio
import gzip
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from postroom.model.errors import InvalidInput, PostroomError, Refused, TooLarge
from postroom.net.addresses import AddressRules
from postroom.net.http import Fetched
from tests.net.serving import LAN, PUBLIC, Answer, client, reply, run, serve

# --- addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1",
     "192.0.1.1", "198.17.255.255", "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1",
     "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2001:4860:4860::8888", "::ffff:0:8.8.8.8"],
)  # fmt: skip
def test_a_public_address_is_allowed(address: str) -> None:
    PUBLIC.check(ip_address(address))


PRIVATE = [
    "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.1.1",
    "172.16.0.1", "172.31.255.255", "192.168.0.1", "::1", "fc00::1", "fdff::1", "fe80::1", "febf::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::1",
    "2002:c0a8:1::1", "fe80::5efe:8.8.8.8", "fd00::200:5efe:8.8.8.8",
    "2a00:1450:4001::5efe:10.0.0.1", "2a00:1450:4001:0:200:5efe:7f00:1", "fe80::1%eth0",
]  # fmt: skip
NEVER = [
    "0.0.0.0", "0.1.2.3", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::2",
    "::127.0.0.1", "::8.8.8.8", "64:ff9b:1::1", "100::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1",
    "3fff::1", "5f00::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1", "::ffff:0.0.0.0", "64:ff9b::e000:1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe", "2001:0:808:808:8000:63bf:f7f7:f7f7", "2001::1",
]  # fmt: skip
METADATA = [
    "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254",
    "fd20:ce::254", "::ffff:169.254.169.254", "::ffff:0:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe:8000:63bf:f7f7:f7f7", "2001:0:808:808:8000:63bf:5601:5601", "fe80::a9fe:a9fe",
    "2a00:1450:4001::5efe:169.254.169.254",
]  # fmt: skip


@pytest.mark.parametrize("address", [*PRIVATE, *NEVER, *METADATA])
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(Refused):
        PUBLIC.check(ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_allowed_when_the_operator_says_so(address: str) -> None:
    LAN.check(ip_address(address))


@pytest.mark.parametrize("address", [*NEVER, *METADATA])
def test_metadata_and_reserved_addresses_are_refused_with_private_ones_allowed(address: str) -> None:
    with pytest.raises(Refused):
        LAN.check(ip_address(address))


def test_a_named_network_is_allowed_and_nothing_else_is() -> None:
    rules = AddressRules(
        allow_networks=(ip_network("192.168.7.0/24"), ip_network("198.18.0.0/15"), ip_network("fd07::/16"))
    )
    for allowed in ("192.168.7.1", "::ffff:192.168.7.1", "64:ff9b::c0a8:701", "198.18.0.1", "fd07::1", "1.1.1.1"):
        rules.check(ip_address(allowed))
    for refused in ("192.168.8.1", "10.0.0.1", "127.0.0.1", "fd08::1", "::ffff:192.168.8.1"):
        with pytest.raises(Refused):
            rules.check(ip_address(refused))


@pytest.mark.parametrize("address", METADATA)
def test_metadata_stays_refused_in_a_named_network(address: str) -> None:
    with pytest.raises(Refused, match="metadata"):
        AddressRules(True, (ip_network("0.0.0.0/0"), ip_network("::/0"))).check(ip_address(address))


# --- the client ----------------------------------------------------------------------------------------------------


async def get(
    port: int, path: str = "/", *, rules: AddressRules = LAN, max_bytes: int = 1_000_000, timeout: float = 10
) -> Fetched:
    async with client(rules) as http:
        return await http.fetch(f"http://127.0.0.1:{port}{path}", max_bytes=max_bytes, timeout=timeout)


async def fails(port: int, kind: type[PostroomError], **given: Any) -> str:
    with pytest.raises(kind) as caught:
        await get(port, **given)
    return str(caught.value)


def fake_dns(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Answer each look-up of a name with the next of `answers`; return the list of names that were looked up."""
    asked: list[str] = []
    left = list(answers)

    async def getaddrinfo(_loop: object, host: str, port: int, **_given: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [
            (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))
            for ip in (left.pop(0) if len(left) > 1 else left[0])
        ]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


def test_a_file_is_fetched_with_its_type_and_name() -> None:
    async def work() -> None:
        async with serve(reply(b"data", "Content-Type: Application/PDF; charset=UTF-8; x=y")) as port:
            found = await get(port, "/reports/q3.pdf?x=1#part")
        assert found == Fetched(
            content=b"data",
            content_type="application/pdf; charset=utf-8",
            filename="q3.pdf",
            url=f"http://127.0.0.1:{port}/reports/q3.pdf?x=1",
        )

    run(work())


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("attachment; filename*=utf-8''gr%C3%BCn.pdf", "grün.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\x\\\\evil.exe"', "evil.exe"),
        ("attachment; filename*=utf-8''a%0D%0ABcc:%20b", "a_Bcc_ b"),
        ("attachment; filename*=utf-8''cod%E2%80%AEfdp.exe", "cod_fdp.exe"),
        ('attachment; filename="..."', "file.bin"),
        ("attachment", "file.bin"),
        ("attachment; filename=" + "a" * 500 + ".pdf", "a" * 146 + ".pdf"),
        ("attachment; " + ";" * 3_000, "file.bin"),
    ],
)
def test_a_filename_of_the_server_is_made_safe(disposition: str, filename: str) -> None:
    async def work() -> None:
        async with serve(reply(b"", f"Content-Disposition: {disposition}")) as port:
            found = await get(port, "/file.bin")
        assert found.filename == filename
        assert found.content_type == "application/octet-stream"

    run(work())


def test_no_cookie_no_credential_and_no_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[str] = []

    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        heads.append(head.lower())
        await reply(b"x", "Set-Cookie: a=b; Path=/")(head, writer)

    async def work() -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        async with serve(answer) as port, client() as http:
            for _ in range(2):
                await http.fetch(f"http://127.0.0.1:{port}/", max_bytes=10, timeout=5)
        assert len(heads) == 2
        assert not any(word in head for head in heads for word in ("cookie", "authorization", "referer"))

    run(work())


@pytest.mark.parametrize(
    "url",
    ["", "x", "/a", "file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "http://", "http:///a",
     "http://user@example.com/", "http://user:pass@example.com/", "http://:p@example.com/", "http://exa mple.com/",
     "http://example.com/\r\nX: y", "http://example.com:99999/", "http://[::1/", "http://127.1/", "http://2130706433/",
     "http://127.0.0.1.1/", "http://example.com/" + "a" * 5_000, "javascript:alert(1)", "http://1.2.3/", "HTTP://0/"],
)  # fmt: skip
def test_what_is_not_a_plain_http_url_is_not_valid(url: str) -> None:
    async def work() -> None:
        async with client() as http:
            with pytest.raises(InvalidInput) as caught:
                await http.fetch(url, max_bytes=10, timeout=5)
            assert caught.value.problems[0].path == ("url",)

    run(work())


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "0.0.0.0", "[fe80::1]"]
)
def test_a_private_address_in_the_url_is_refused_before_a_connection(host: str) -> None:
    async def work() -> None:
        async with client(PUBLIC) as http:
            with pytest.raises(Refused):
                await http.fetch(f"http://{host}/", max_bytes=10, timeout=5)

    run(work())


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "ⓛocalhost", "0x7f.0.0.1", "0177.0.0.1", "0x7f000001"])
def test_a_name_of_this_host_is_not_reached(host: str) -> None:
    async def work() -> None:
        async with serve(reply(b"secret")) as port, client(PUBLIC) as http:
            with pytest.raises((Refused, InvalidInput)):
                await http.fetch(f"http://{host}:{port}/", max_bytes=10, timeout=5)

    run(work())


def test_one_private_address_among_those_of_a_name_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        asked = fake_dns(monkeypatch, ["93.184.216.34", "10.0.0.1"])
        async with client(PUBLIC) as http:
            with pytest.raises(Refused, match=r"mixed\.example may not be fetched from"):
                await http.fetch("http://mixed.example/", max_bytes=10, timeout=5)
        assert asked == ["mixed.example"]

    run(work())


def test_a_name_that_changes_its_answer_is_looked_up_once_and_reached_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reached: list[Any] = []

    async def sock_connect(_loop: object, _sock: socket.socket, address: Any) -> None:
        reached.append(address)
        raise ConnectionRefusedError

    async def work() -> None:
        asked = fake_dns(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
        monkeypatch.setattr(asyncio.selector_events.BaseSelectorEventLoop, "sock_connect", sock_connect)
        async with client(PUBLIC) as http:
            with pytest.raises(InvalidInput):
                await http.fetch("http://rebind.example/", max_bytes=10, timeout=5)
            assert (asked, reached) == (["rebind.example"], [("93.184.216.34", 80)])
            with pytest.raises(Refused):
                await http.fetch("http://rebind.example/", max_bytes=10, timeout=5)
            assert len(reached) == 1

    run(work())


def test_a_name_is_reached_at_the_address_that_was_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with serve(reply(b"here")) as port, client() as http:
            asked = fake_dns(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
            found = await http.fetch(f"http://files.example:{port}/", max_bytes=10, timeout=5)
        assert (found.content, asked) == (b"here", ["files.example"])

    run(work())


def test_an_address_is_judged_again_where_the_connection_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(_self: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, object]]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]

    async def work() -> None:
        monkeypatch.setattr("postroom.net.http._CheckingResolver.resolve", resolve)
        async with serve(reply(b"secret")) as port, client(PUBLIC) as http:
            with pytest.raises(Refused):
                await http.fetch(f"http://files.example:{port}/", max_bytes=10, timeout=5)

    run(work())


def test_a_redirect_is_followed_and_judged_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        path = head.split()[1]
        to = {"/a": "b?x", "/meta": "http://169.254.169.254/latest", "/file": "file:///etc/passwd", "/self": "/self"}
        to |= {"/user": "http://u:p@files.example/", "/name": "http://inner.example/"}
        if path in to:
            await reply(b"", f"Location: {to[path]}", status="302 Found")(head, writer)
        else:
            await reply(path.encode())(head, writer)

    async def work() -> None:
        async with serve(answer) as port:
            found = await get(port, "/a")
            assert (found.content, found.url) == (b"/b?x", f"http://127.0.0.1:{port}/b?x")
            assert "169.254.169.254 may not be fetched" in await fails(port, Refused, path="/meta")
            assert "not an http or https URL" in await fails(port, InvalidInput, path="/file")
            assert "user name" in await fails(port, InvalidInput, path="/user")
            assert "more than 5 redirects" in await fails(port, InvalidInput, path="/self")

    async def from_public_to_private() -> None:
        rules = AddressRules(allow_networks=(ip_network("127.0.0.1/32"),))
        async with serve(answer) as port:
            fake_dns(monkeypatch, ["192.168.1.1"])
            assert "inner.example may not be fetched" in await fails(port, Refused, path="/name", rules=rules)

    run(work())
    run(from_public_to_private())


def test_a_server_that_is_slow_is_left_at_the_deadline() -> None:
    async def silent(_head: str, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def dripping(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def work(answer: Answer) -> None:
        started = time.monotonic()
        async with serve(answer) as port:
            assert "within 0.2 seconds" in await fails(port, InvalidInput, timeout=0.2)
        assert time.monotonic() - started < 5

    run(work(silent))
    run(work(dripping))


def test_a_body_without_end_is_cut_at_the_limit() -> None:
    async def endless(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async def work() -> None:
        async with serve(endless) as port:
            assert "larger than 300000 bytes" in await fails(port, TooLarge, max_bytes=300_000)

    run(work())


def test_a_body_announced_as_too_large_is_not_read() -> None:
    async def work() -> None:
        async with serve(reply(b"x" * 101)) as port:
            await fails(port, TooLarge, max_bytes=100)
            assert len((await get(port, max_bytes=101)).content) == 101

    run(work())


def test_a_gzip_bomb_is_counted_as_unpacked() -> None:
    bomb = gzip.compress(bytes(200_000_000), compresslevel=1)

    async def work() -> None:
        async with serve(reply(bomb, "Content-Encoding: gzip")) as port:
            started = time.process_time()
            await fails(port, TooLarge, max_bytes=2_000_000)
            assert time.process_time() - started < 1

    run(work())


def test_compressed_blocks_that_are_empty_for_ever_are_cut_too() -> None:
    async def empty(_head: str, writer: asyncio.StreamWriter) -> None:
        packer = zlib.compressobj(wbits=31)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\n\r\n")
        writer.write(packer.compress(b"") + packer.flush(zlib.Z_SYNC_FLUSH))
        while True:
            writer.write(b"\0\0\0\xff\xff" * 10_000)
            await writer.drain()

    async def work() -> None:
        async with serve(empty) as port:
            await fails(port, TooLarge, max_bytes=1_000_000)

    run(work())


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("X-GZip", gzip.compress)]
)
def test_a_packed_body_is_unpacked(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    async def work() -> None:
        async with serve(reply(pack(b"abc" * 200_000), f"Content-Encoding: {encoding}")) as port:
            assert (await get(port)).content == b"abc" * 200_000

    run(work())


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (reply(b"no", status="404 Not Found"), "status 404"),
        (reply(b"", status="204 No Content"), "status 204"),
        (reply(b"", status="302 Found"), "status 302"),
        (reply(b"abc", "Content-Encoding: br"), "not asked for"),
        (reply(b"abc", "Content-Encoding: gzip"), "damaged"),
        (reply(gzip.compress(b"abc" * 99)[:-9], "Content-Encoding: gzip"), "too early"),
        (reply(b"abc", "Content-Length: 99"), "No usable answer"),
        (reply(b"", status="junk"), "No usable answer"),
        (reply(b"", "X: " + "y" * 100_000), "No usable answer"),
    ],
)
def test_an_answer_that_cannot_be_used_says_why(answer: Answer, word: str) -> None:
    async def work() -> None:
        async with serve(answer) as port:
            assert word in await fails(port, InvalidInput)

    run(work())


def test_a_server_that_is_not_there_or_speaks_no_tls_is_an_error_for_the_caller() -> None:
    async def not_tls(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    async def work() -> None:
        server = await asyncio.start_server(not_tls, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with client() as http:
            with pytest.raises(InvalidInput, match="No usable answer"):
                await http.fetch(f"https://127.0.0.1:{port}/", max_bytes=10, timeout=5)
        server.close()
        assert "No usable answer came from 127.0.0.1" in await fails(port, InvalidInput)

    run(work())


def test_fetches_at_once_share_the_client() -> None:
    async def work() -> None:
        async with serve(reply(b"x")) as port, client() as http:
            url = f"http://127.0.0.1:{port}/"
            found = await asyncio.gather(*(http.fetch(url, max_bytes=10, timeout=10) for _ in range(50)))
            assert {each.content for each in found} == {b"x"}

    run(work())


def test_a_closed_client_fetches_nothing() -> None:
    async def work() -> None:
        async with client() as http:
            pass
        with pytest.raises(InvalidInput):
            await http.fetch("http://127.0.0.1/", max_bytes=10, timeout=5)

    run(work())


def test_the_http_library_is_not_imported_before_it_is_used() -> None:
    program = "import sys, postroom.net.http; sys.exit('aiohttp' in sys.modules or 'yarl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 0
