"""Who listens: one process a data folder holds an address, the others stand by and take it when that one ends.

A lock beside the data tells a Postroom of the same folder (stand by) from anything else on the port (an error); the
operating system gives it back however its holder ends.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from postroom.config import Endpoint, Settings
from postroom.store.locks import Presence, ProcessLock

log = logging.getLogger(__name__)
RETRY_S = 0.5
KINDS = ("http", "smtp", "submission")
Serve = Callable[[socket.socket], Awaitable[None]]


@contextlib.contextmanager
def one_error() -> Iterator[None]:
    """Raise the only error of a TaskGroup itself: whoever would catch it looks for its class."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from error.__cause__


class PortTaken(Exception):
    """An address is held by something that is no Postroom of this data folder."""

    def __init__(self, kind: str, endpoint: Endpoint, reason: str) -> None:
        self.setting = f"POSTROOM_{kind.upper()}"
        super().__init__(
            f"{endpoint} cannot be bound ({reason}): set {self.setting} to a free address, such as 127.0.0.1:0."
        )


def _resolved(host: str) -> str:
    """Return the address that `host` stands for: `localhost` and `127.0.0.1` are one door."""
    try:
        return str(socket.getaddrinfo(host, None, socket.AF_INET if ":" not in host else 0)[0][4][0])
    except OSError:
        return host  # binding will say what is wrong with it


class _Address:
    """One address that is to be listened on."""

    def __init__(self, kind: str, endpoint: Endpoint, locks: Path) -> None:
        self.kind = kind
        self.endpoint = endpoint
        name = "".join(c if c.isalnum() else "-" for c in f"{_resolved(endpoint.host)}:{endpoint.port}")
        self._lock = ProcessLock(locks / f"{kind}-{name}.lock") if endpoint.port else None
        self.socket: socket.socket | None = None

    def take(self) -> bool:
        """Bind unless another process of this folder holds it; tell whether it is ours. Raises PortTaken."""
        if self._lock is not None and not self._lock.take():
            return False
        family = socket.AF_INET6 if ":" in self.endpoint.host else socket.AF_INET
        try:
            self.socket = socket.create_server((self.endpoint.host, self.endpoint.port), family=family, backlog=1024)
        except OSError as error:
            self.release()
            raise PortTaken(self.kind, self.endpoint, error.strerror or str(error)) from error
        self.socket.setblocking(False)
        # Accepted sockets inherit it. uvloop sets it on each; asyncio does not, and a reply then waits 40 ms.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return True

    def release(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None
        if self._lock is not None:
            self._lock.release()

    @property
    def bound(self) -> Endpoint | None:
        if self.socket is None:
            return None
        host, port = self.socket.getsockname()[:2]
        return Endpoint(host=host, port=port)


class Listeners:
    """The addresses of this process, and where the house is reached, by whichever process."""

    def __init__(self, settings: Settings, presence: Presence) -> None:
        self._settings = settings
        self._presence = presence
        self._run_file = settings.home / "run.json"
        locks = settings.home / "run"
        endpoints = {
            "http": settings.http_endpoint,
            "smtp": settings.smtp_endpoint,
            "submission": settings.submission_endpoint,
        }
        self._addresses = [_Address(kind, at, locks) for kind, at in endpoints.items() if at is not None]

    def public_url(self) -> str | None:
        """Return what links begin with, None while nothing listens."""
        return self._settings.public_url or self.reached().get("http")

    def reached(self) -> dict[str, str]:
        """Return `http`, `smtp` and `submission` as run.json has them: this process or another one."""
        known = self._written()
        return {kind: known[kind] for kind in KINDS if isinstance(known.get(kind), str)}

    def _written(self) -> dict[str, Any]:
        """Return what run.json holds, nothing where its writer has ended, or where that is not ours.

        Whatever stands there, who listens goes on.
        """
        try:
            known = json.loads(self._run_file.read_text("utf-8"))
            writer = known["process"] if isinstance(known, dict) else None
            return known if isinstance(writer, str) and self._presence.is_alive(writer) else {}
        except (OSError, ValueError, KeyError):
            return {}

    @contextlib.asynccontextmanager
    async def listening(self, serve: dict[str, Serve], *, must: bool) -> AsyncIterator[bool]:
        """Listen, or stand by, while the block runs; yields whether all addresses are held by this process.

        Raises:
            PortTaken: with `must`, an address is held by something else.
        """
        with one_error():
            async with self._listening(serve, must=must) as ours:
                yield ours

    @contextlib.asynccontextmanager
    async def _listening(self, serve: dict[str, Serve], *, must: bool) -> AsyncIterator[bool]:
        async with asyncio.TaskGroup() as group:
            servers: list[asyncio.Task[None]] = []
            ours = self._take_all(serve, group, servers, must=must)
            standby = group.create_task(self._stand_by(serve, group, servers))
            try:
                yield ours
            finally:
                standby.cancel()
                for server in servers:
                    server.cancel()
                await asyncio.gather(*servers, return_exceptions=True)
                self._leave()

    def _take_all(
        self, serve: dict[str, Serve], group: asyncio.TaskGroup, servers: list[asyncio.Task[None]], *, must: bool
    ) -> bool:
        try:
            for address in self._addresses:
                self._take(address, serve, group, servers, must=must)
        except PortTaken:
            for address in self._addresses:
                address.release()
            raise
        return all(address.socket is not None for address in self._addresses)

    def _take(
        self,
        address: _Address,
        serve: dict[str, Serve],
        group: asyncio.TaskGroup,
        servers: list[asyncio.Task[None]],
        *,
        must: bool,
        quiet: bool = False,
    ) -> None:
        if address.socket is not None:
            return
        try:
            if not address.take() or address.socket is None:
                return
        except PortTaken as error:
            if must:
                raise
            if not quiet:
                log.warning("not listening kind=%s reason=%s", address.kind, error)
            return
        servers.append(group.create_task(_serve(serve[address.kind], address.socket)))
        self._publish()

    async def _stand_by(
        self, serve: dict[str, Serve], group: asyncio.TaskGroup, servers: list[asyncio.Task[None]]
    ) -> None:
        while True:
            await asyncio.sleep(RETRY_S)
            for address in self._addresses:
                self._take(address, serve, group, servers, must=False, quiet=True)
            # With port 0 several processes listen; the one whose addresses stood there may have left.
            if self._holds_more_than(self.reached()):
                self._publish()

    def _holds_more_than(self, known: dict[str, str]) -> bool:
        return any(address.bound is not None and address.kind not in known for address in self._addresses)

    def _publish(self) -> None:
        known: dict[str, str | int] = dict(self.reached())
        for address in self._addresses:
            if (bound := address.bound) is not None:
                known[address.kind] = f"http://{bound}" if address.kind == "http" else str(bound)
        draft = self._run_file.with_name(f".run.json.{os.getpid()}")
        try:
            # The number is for a person; a number is given again, and a name is not.
            known |= {"pid": os.getpid(), "process": self._presence.name}
            draft.write_text(json.dumps(known) + "\n", "utf-8")
            draft.replace(self._run_file)
        except OSError as error:  # a full disk: to listen matters more than to say where
            log.warning("run.json not written error=%s", error)

    def _leave(self) -> None:
        with contextlib.suppress(OSError):
            if self._written().get("process") == self._presence.name:
                self._run_file.unlink()
        for address in self._addresses:
            address.release()


async def _serve(serve: Serve, sock: socket.socket) -> None:
    await serve(sock)
