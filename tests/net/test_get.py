"""What the one outgoing client asks of a server that was named to it: any status is an answer, and silence is told."""

import asyncio

import pytest

from postroom.model.errors import InvalidInput, Refused, Temporary, TooLarge
from postroom.net.http import Answered
from tests.net.serving import PUBLIC, client, reply, run, serve


def test_any_status_is_an_answer_with_its_body_and_when_to_ask_again() -> None:
    async def work() -> None:
        heads: list[str] = []

        async def answer(head: str, writer: asyncio.StreamWriter) -> None:
            heads.append(head.lower())
            await reply(b"wait", "Retry-After: 7", status="429 Too Many Requests")(head, writer)

        async with serve(answer) as port, client() as http:
            url = f"http://127.0.0.1:{port}/v0/a%2Fb/%3Cc%40d%3E?x=1"
            found = await http.get(url, headers={"Authorization": "Bearer k"}, max_bytes=10, timeout=5)
        assert found == Answered(status=429, content=b"wait", retry_after="7")
        assert heads[0].startswith("get /v0/a%2fb/%3cc@d%3e?x=1 http/1.1")
        assert "authorization: bearer k" in heads[0]

    run(work())


def test_a_redirect_is_not_followed_since_the_key_would_go_with_it() -> None:
    async def work() -> None:
        redirect = reply(b"", "Location: http://127.0.0.1:1/", status="302 Found")
        async with serve(redirect) as port, client() as http:
            found = await http.get(f"http://127.0.0.1:{port}/", headers={}, max_bytes=10, timeout=5)
        assert found.status == 302

    run(work())


def test_silence_and_a_broken_answer_are_temporary() -> None:
    async def silent(_head: str, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def broken(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    async def work() -> None:
        async with client() as http:
            for answer in (silent, broken):
                async with serve(answer) as port:
                    with pytest.raises(Temporary):
                        await http.get(f"http://127.0.0.1:{port}/", headers={}, max_bytes=100, timeout=0.3)
            with pytest.raises(Temporary):
                await http.get(f"http://127.0.0.1:{port}/", headers={}, max_bytes=100, timeout=5)

    run(work())


def test_the_rules_and_the_limits_are_those_of_fetching() -> None:
    async def work() -> None:
        async with serve(reply(b"x" * 11)) as port, client() as http, client(PUBLIC) as public:
            url = f"http://127.0.0.1:{port}/"
            with pytest.raises(TooLarge):
                await http.get(url, headers={}, max_bytes=10, timeout=5)
            with pytest.raises(Refused):
                await public.get(url, headers={}, max_bytes=100, timeout=5)
            with pytest.raises(InvalidInput):
                await http.get("ftp://example.com/", headers={}, max_bytes=10, timeout=5)

    run(work())
