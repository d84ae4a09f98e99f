"""Events over a real port: the official client's WebSocket and a true HTTP endpoint that is told."""

import contextlib
import queue
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import agentmail.events as official_events
import httpx
import pytest
from agentmail import AgentMail
from agentmail.environment import AgentMailEnvironment
from agentmail.websockets import Subscribe, Subscribed
from svix.webhooks import Webhook as Verifier
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.processes.running import Processes, Server, mail, send

WAIT_S = 15


@pytest.fixture
def endpoint() -> Iterator[tuple[str, "queue.Queue[tuple[dict[str, str], bytes]]"]]:
    """Something on a port that takes what it is told."""
    told: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/in", told
        server.shutdown()


@contextlib.contextmanager
def _client(server: Server) -> Iterator[AgentMail]:
    environment = AgentMailEnvironment(http=server.http, websockets=server.http.replace("http", "ws"))
    with httpx.Client() as carrier:
        yield AgentMail(api_key=server.owner_key, environment=environment, httpx_client=carrier)


def test_a_message_over_smtp_is_told_to_a_webhook_and_a_websocket(
    processes: Processes, endpoint: tuple[str, "queue.Queue[tuple[dict[str, str], bytes]]"]
) -> None:
    url, told = endpoint
    server = processes.serve(allow_private_urls="1").started()
    with _client(server) as client, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the client imports the legacy half of websockets
        inbox = client.inboxes.create()
        hook = client.webhooks.create(url=url, event_types=["message.received"])
        with client.websockets.connect() as socket:
            socket.send_subscribe(Subscribe(inbox_ids=[inbox.inbox_id]))
            assert isinstance(socket.recv(), Subscribed)
            send(server.smtp, mail(inbox.inbox_id))
            frame = socket.recv()
    assert isinstance(frame, official_events.MessageReceivedEvent)
    headers, body = told.get(timeout=WAIT_S)
    Verifier(hook.secret).verify(body, headers)
    event = official_events.MessageReceivedEvent.model_validate_json(body)
    assert event.message.message_id == frame.message.message_id
    assert event.event_id == frame.event_id == headers["svix-id"]
    assert server.end() == 0


def test_the_websocket_answers_with_and_without_a_slash_and_no_key_is_in_the_log(processes: Processes) -> None:
    server = processes.serve().started()
    at = server.http.replace("http", "ws")
    for path in ("/v0", "/v0/"):
        with connect(f"{at}{path}?api_key={server.owner_key}") as socket:
            socket.send('{"type": "subscribe"}')
            assert socket.recv(timeout=WAIT_S) == '{"type":"subscribed"}'
            socket.send("x" * 70_000)
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=WAIT_S)
    assert server.end() == 0
    assert server.owner_key not in server.errors()


@pytest.mark.parametrize(("path", "status"), [("/v0?api_key=pr_nobody", 401), ("/v0", 401), ("/else", 403)])
def test_a_handshake_that_is_refused_says_so_by_its_status(processes: Processes, path: str, status: int) -> None:
    server = processes.serve().started()
    with pytest.raises(InvalidStatus) as caught, connect(server.http.replace("http", "ws") + path):
        pass
    assert caught.value.response.status_code == status
