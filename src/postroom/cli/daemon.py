"""`postroom serve`, and the house behind `postroom mcp`: open, listen or stand by, say where, end on a signal."""

import contextlib
import gc
import json
import logging
import shlex
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

from postroom.cli.logs import log_to_stderr
from postroom.cli.stdio import on_signals
from postroom.config import Endpoint, Settings
from postroom.http import app as http_app
from postroom.http.agentmail.app import AgentMail
from postroom.http.agentmail.websocket import EventSocket
from postroom.http.inai.app import Inai
from postroom.http.listen import serve as serve_http
from postroom.http.oauth import app as oauth
from postroom.http.postroom.app import Ours
from postroom.http.transactional.app import Transactional
from postroom.listening import PortTaken, Serve
from postroom.mcp.face import Face
from postroom.mcp.remote import MAX_BODY, RemoteServer
from postroom.mcp.selection import Selection, offered_toolsets, read_selection
from postroom.model.errors import InvalidInput
from postroom.server import Postroom, open_house
from postroom.service.keyring import KeyRing
from postroom.service.oauth_issuer import Issuer
from postroom.service.oauth_parameters import resource_of
from postroom.store.watch import Watch

log = logging.getLogger(__name__)


async def serve(*, as_json: bool = False) -> int:
    """Run the server until a signal; return the exit status."""
    log_to_stderr(logging.INFO)
    settings = Settings()
    _warn_of_reserved(settings)
    stop = on_signals()
    status = 0
    given = settings.api_key.get_secret_value() if settings.api_key else None
    try:
        selection = _selection(settings)
        async with (
            open_house(settings, install_key=given) as house,
            house.listeners.listening(_servers(house, selection), must=True) as ours,
        ):
            _calm_collector()
            _print_start(house, ours, as_json=as_json)
            await stop.wait()
    except* (PortTaken, InvalidInput) as group:
        print(f"postroom: {group.exceptions[0]}", file=sys.stderr)
        status = 1
    return status


@contextlib.asynccontextmanager
async def face(options: Mapping[str, str]) -> AsyncIterator[Face]:
    """Open the house for a stdio server: acts as POSTROOM_API_KEY, or as the local owner.

    `options` choose the tools where they are given, the settings where they are not.

    Raises:
        Unauthenticated: the key is not known.
        InvalidInput: an option names a toolset that there is not.
    """
    settings = Settings()
    selection = _selection(settings, options)
    _warn_of_reserved(settings)
    async with (
        open_house(settings) as house,
        _acting(house) as who,
        house.listeners.listening(_servers(house, selection), must=False),
    ):
        yield Face(desk=house.desk, hub=house.hub, links=house.links, selection=selection, **who)


@contextlib.asynccontextmanager
async def _acting(house: Postroom) -> AsyncIterator[dict[str, Any]]:
    """Say, as a Face is told it, who acts by the settings. Raises Unauthenticated."""
    if (secret := house.settings.api_key) is None:
        yield {"actor": await house.actor(None)}
        return
    with contextlib.closing(Watch(house.settings.home / "postroom.db")) as watch:
        known = partial(KeyRing(house.desk, watch.version).actor, secret.get_secret_value())
        await known()
        yield {"known": known}


def _selection(settings: Settings, options: Mapping[str, str] | None = None) -> Selection:
    """Return which tools are offered. Raises InvalidInput for a toolset that there is not."""
    try:
        return read_selection(**{**settings.tool_selection, **(options or {})})
    except ValueError as error:
        raise InvalidInput(str(error)) from None


def _servers(house: Postroom, selection: Selection) -> dict[str, Serve]:
    return {
        "http": partial(_serve_http, house, selection),
        "smtp": house.inbound.serve,
        "submission": house.submission.serve,
    }


async def _serve_http(house: Postroom, selection: Selection, sock: socket.socket) -> None:
    face = Face(desk=house.desk, hub=house.hub, links=house.links, selection=selection)
    host, port = sock.getsockname()[:2]
    public_url = house.settings.public_url or f"http://{Endpoint(host=host, port=port)}"
    # A file in base64 is a third larger than it is.
    max_body = house.settings.message_bytes * 3 // 2
    with contextlib.closing(Watch(house.settings.home / "postroom.db")) as watch:
        keys = KeyRing(house.desk, watch.version)
        issuer = _issuer(house, public_url)
        remote = RemoteServer(face, public_url=public_url, max_body=min(max_body, MAX_BODY), keys=keys, issuer=issuer)
        dialects = {
            "/v0/": AgentMail(house.desk, keys, house.links, max_body),
            "/v1/postroom/": Ours(house.desk, keys, house.hub, house.links, max_body),
            "/api/v0/": Inai(house.desk, keys, house.links, max_body),
            "/v1/agent-email/": Transactional(house.desk, keys, house.links, max_body),
        }
        sockets = {"/v0": EventSocket(house.desk, keys, house.hub, per_key=house.settings.sockets_per_key)}
        mounted = [("/mcp", remote.app, remote.lifespan)]
        more = oauth.routes(house.desk, public_url, house.settings.oauth_issuer, offered_toolsets(selection))
        app = http_app.build(house.desk, house.links, mounted, dialects, sockets, more)
        await serve_http(app, sock, remote.end_streams)


def _issuer(house: Postroom, public_url: str) -> Issuer | None:
    """Return who verifies the tokens of an outside issuer, None where Postroom gives its own."""
    url = house.settings.oauth_issuer
    return None if url is None else Issuer(house.desk, url, resource_of(public_url), house.settings.oauth_claim)


def _calm_collector() -> None:
    """Leave out of collections what was made at the start, and collect less often: 5 % of mail coming in."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _warn_of_reserved(settings: Settings) -> None:
    for name in settings.reserved_in_use():
        log.warning("%s is reserved for a later version: this one does nothing with it", name)


def _print_start(house: Postroom, ours: bool, *, as_json: bool) -> None:
    reached = house.listeners.reached()
    if as_json:
        print(json.dumps({**reached, "owner_key": house.new_owner_key}), flush=True)
        return
    print(f"http {reached.get('http')}", f"smtp {reached.get('smtp')}", sep="\n", flush=True)
    if "submission" in reached:
        print(f"submission {reached['submission']}", flush=True)
    if not ours:
        log.warning(
            "standing by: another process of %s holds a port, this one takes it when that ends", house.settings.home
        )
    if house.new_owner_key is not None:
        print(f"owner key {house.new_owner_key} (shown once; kept in {house.settings.home / 'owner.key'})")
    print(client_configuration(house.settings, str(reached.get("http"))), flush=True)


def client_configuration(settings: Settings, url: str) -> str:
    """Return how the usual hosts are told of this server."""
    command = [sys.executable, "-m", "postroom", "mcp"]
    home = {"POSTROOM_HOME": str(settings.home)}
    entry = {"mcpServers": {"postroom": {"command": command[0], "args": command[1:], "env": home}}}
    added = " ".join(shlex.quote(part) for part in command)
    return (
        "\nClaude Desktop (claude_desktop_config.json) and Cursor (~/.cursor/mcp.json):\n"
        f"{json.dumps(entry, indent=2)}\n"
        f"Claude Code:\n  claude mcp add postroom -e POSTROOM_HOME={shlex.quote(str(settings.home))} -- {added}\n"
        "Remote agents, over HTTP:\n"
        f'  claude mcp add --transport http postroom {url}/mcp --header "Authorization: Bearer <key>"'
    )
