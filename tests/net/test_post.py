"""What the one outgoing client sends to a webhook, where it refuses to, and which addresses it checks beforehand."""

import pytest

from postroom.model.errors import InvalidInput, Refused
from postroom.net.addresses import AddressRules
from tests.net.serving import LAN, PUBLIC, client, reply, run, serve
from tests.net.test_http import fake_dns


def test_a_body_is_posted_with_its_headers_and_any_status_is_an_answer() -> None:
    async def work() -> None:
        heads: list[str] = []

        async def answer(head: str, writer: object) -> None:
            heads.append(head)
            await reply(b"no", status="418 I am a teapot")(head, writer)  # type: ignore[arg-type]

        async with serve(answer) as port, client() as http:
            headers = {"content-type": "application/json", "svix-id": "evt_1"}
            status = await http.post(f"http://127.0.0.1:{port}/in?x=1", b"{}", headers=headers, timeout=10)
        assert status == 418
        assert heads[0].startswith("POST /in?x=1 HTTP/1.1")
        assert "content-length: 2" in heads[0].lower()
        assert "svix-id: evt_1" in heads[0].lower()

    run(work())


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async def work() -> None:
        async with serve(reply(b"", "Location: /else", status="307 Temporary Redirect")) as port, client() as http:
            assert await http.post(f"http://127.0.0.1:{port}/", b"{}", headers={}, timeout=10) == 307

    run(work())


def test_a_body_of_an_answer_without_end_is_not_waited_for() -> None:
    async def work() -> None:
        async def answer(_head: str, writer: object) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nx")  # type: ignore[attr-defined]

        async with serve(answer) as port, client() as http:
            assert await http.post(f"http://127.0.0.1:{port}/", b"{}", headers={}, timeout=10) == 200

    run(work())


def test_a_server_that_says_nothing_is_left_at_the_deadline() -> None:
    async def work() -> None:
        async def answer(_head: str, _writer: object) -> None:
            return None

        async with serve(answer) as port, client() as http:
            with pytest.raises(InvalidInput, match=r"within 0\.2 seconds|No usable answer"):
                await http.post(f"http://127.0.0.1:{port}/", b"{}", headers={}, timeout=0.2)

    run(work())


def test_a_private_address_is_not_posted_to() -> None:
    async def work() -> None:
        async with serve(reply(b"")) as port, client(PUBLIC) as http:
            for host in ("127.0.0.1", "localhost"):
                with pytest.raises((Refused, InvalidInput)):
                    await http.post(f"http://{host}:{port}/", b"{}", headers={}, timeout=10)

    run(work())


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::1]:1/", "http://127.1/", "http://inner.test/"])
def test_an_address_that_may_not_be_reached_is_refused_when_it_is_checked(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_dns(monkeypatch, ["93.184.216.34", "10.0.0.1"])

    async def work() -> None:
        async with client(PUBLIC) as http:
            with pytest.raises(InvalidInput):
                await http.check(url)

    run(work())


@pytest.mark.parametrize("rules", [LAN, AddressRules()])
def test_a_public_name_and_a_private_address_that_the_operator_allows_pass_the_check(
    rules: AddressRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_dns(monkeypatch, ["93.184.216.34"])

    async def work() -> None:
        async with client(rules) as http:
            await http.check("https://hooks.test/in")
            if rules.allow_private:
                await http.check("http://127.0.0.1:9/in")

    run(work())


def test_a_name_that_cannot_be_looked_up_today_passes_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with client(PUBLIC) as http:
            await http.check("https://nowhere.invalid/in")

    run(work())
