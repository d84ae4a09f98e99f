"""The door before the protocol: under which names a request may come in, and where it may carry its key."""

from typing import Any

import pytest

from postroom.mcp.door import Names, with_bearer


def _request(host: str = "127.0.0.1:8025", query: bytes = b"", at: str = "127.0.0.1", **headers: str) -> dict[str, Any]:
    fields = [(b"host", host.encode())]
    fields += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": fields, "query_string": query, "server": (at, 8025)}


@pytest.mark.parametrize("bind", ["127.0.0.1", "0.0.0.0", "[::]", "[::1]", "192.168.7.9", "mail.example.com"])
@pytest.mark.parametrize("host", ["127.0.0.1:8025", "localhost", "LocalHost:1", "[::1]:8025"])
def test_the_names_of_the_machine_to_itself_come_in_whatever_it_binds(bind: str, host: str) -> None:
    assert Names(f"http://{bind}:8025").refusal(_request(host)) is None


@pytest.mark.parametrize("bind", ["127.0.0.1", "0.0.0.0", "[::]", "[::1]", "192.168.7.9", "mail.example.com"])
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8025", "10.1.1.1", "", "a@b", "x:y:z"]
)
def test_a_name_that_is_not_ours_is_refused_with_421_whatever_is_bound(bind: str, host: str) -> None:
    refused = Names(f"http://{bind}:8025").refusal(_request(host, at="192.168.7.9"))
    assert refused is not None
    assert refused[0] == 421


def test_the_public_name_comes_in() -> None:
    assert Names("https://mail.example.com").refusal(_request("Mail.Example.com")) is None


@pytest.mark.parametrize(("host", "at"), [("192.168.7.9:8025", "192.168.7.9"), ("[fd00::7]:8025", "fd00::7")])
def test_the_address_that_a_connection_came_to_is_a_name_where_all_are_bound(host: str, at: str) -> None:
    assert Names("http://0.0.0.0:8025").refusal(_request(host, at=at)) is None


def test_a_name_that_stands_for_the_server_is_no_address() -> None:
    assert Names("http://0.0.0.0:8025").refusal(_request("inner.example", at="inner.example")) is not None


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:8025"])
def test_pages_of_this_machine_may_ask(origin: str) -> None:
    assert Names("http://127.0.0.1:8025").refusal(_request(origin=origin)) is None


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost.evil.example", "http://a@localhost"]
)
def test_a_page_elsewhere_is_refused_with_403(origin: str) -> None:
    refused = Names("http://127.0.0.1:8025").refusal(_request(origin=origin))
    assert refused is not None
    assert refused[0] == 403


def _authorization(request: dict[str, Any]) -> list[bytes]:
    return [value for name, value in with_bearer(request)["headers"] if name == b"authorization"]


@pytest.mark.parametrize(
    "request_",
    [
        _request(x_api_key="pr_1"),
        _request(x_api_key=" pr_1 "),
        _request(query=b"apiKey=pr_1"),
        _request(query=b"a=1&api%4Bey=pr%5F1&b=2"),
        _request(query=b"apiKey=other", x_api_key="pr_1"),
        _request(query=b"apiKey=other", authorization="Bearer pr_1"),
        _request(x_api_key="other", authorization="Bearer pr_1"),
    ],
)
def test_a_key_comes_as_a_bearer_or_by_x_api_key_or_by_the_query_in_this_order(request_: dict[str, Any]) -> None:
    assert _authorization(request_) == [b"Bearer pr_1"]


@pytest.mark.parametrize(
    "request_", [_request(), _request(x_api_key=""), _request(query=b"apiKey="), _request(query=b"k=1")]
)
def test_without_a_key_there_is_no_bearer(request_: dict[str, Any]) -> None:
    assert _authorization(request_) == []


@pytest.mark.parametrize(
    ("given", "left"), [(b"apiKey=x", b""), (b"a=1&apiKey=x&b=2&apiKey=y", b"a=1&b=2"), (b"a=1", b"a=1")]
)
def test_the_key_is_taken_out_of_the_query(given: bytes, left: bytes) -> None:
    request = _request(query=given)
    assert with_bearer(request)["query_string"] == left
    assert request["query_string"] == given
