"""One SMTP session: the dialogue with a peer up to a whole message, and the server that opens a session a connection.

It says no early and yes only after `_take` has returned. Who may write, whom mail is taken for and what becomes of a
message is said by its kinds (`inbound.py`, `submission.py`); it neither parses nor stores one.
"""

import asyncio
import logging
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, AnyStr, ClassVar

from postroom.model.errors import StorageFull, Temporary
from postroom.model.ids import random_bytes
from postroom.model.message import Incoming
from postroom.mta.data import CRLF, Body, BodyReader, Fault, prepare_folder
from postroom.mta.limits import Connections, Door, InboundLimits, Watch
from postroom.mta.paths import read_parameters, read_path, recipient_refusal, sender_refusal
from postroom.mta.pump import COMMAND_BYTES, Pump
from postroom.service.trace import CONNECTION

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 5.0  # what a commit gets when the server stops

# What RFC 2034 wants in front of the replies that aiosmtpd words.
_ENHANCED = {"250": "2.0.0", "500": "5.5.2", "501": "5.5.4", "503": "5.5.1"}


class Listener(ABC):
    """A port. `hostname` is the name it greets with, `spool_folder` holds large messages while they arrive."""

    def __init__(self, hostname: str, spool_folder: Path, limits: InboundLimits) -> None:
        self.hostname = hostname
        self.spool_folder = spool_folder
        self.limits = limits
        self.connections = Connections(limits)
        self.sessions: set[Session] = set()

    @abstractmethod
    def open(self, client: str | None) -> "Session":
        """Return a session for a connection from the IP address `client`."""

    async def serve(self, sock: socket.socket) -> None:
        """Serve on a bound socket until cancelled; then let commits end, answer 421 to everyone else and close.

        Raises OSError where the spool folder cannot be made.
        """
        await asyncio.to_thread(prepare_folder, self.spool_folder, self.limits)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(partial(Door, self.connections, self.open), sock=sock, backlog=1024)
        try:
            await loop.create_future()
        finally:
            server.close()
            self.connections.closed = True
            await self._stop()

    async def _stop(self) -> None:
        for session in list(self.sessions):
            session.stop()
        if not self.sessions:
            return
        await asyncio.wait([session.ended for session in self.sessions], timeout=_GRACE_SECONDS)
        late = list(self.sessions)
        for session in late:
            session.abort()
        await asyncio.gather(*(session.ended for session in late))


class Session(Pump):
    """One connection. From aiosmtpd: the state of a dialogue, its commands without a policy, HELO, RSET and NOOP."""

    # aiosmtpd's __init__ sets these on each object after it has looked at every member of two of them: 280 us.
    enable_SMTPUTF8 = True
    event_handler = None
    _auth_required = False
    _handle_hooks: dict[str, Callable[..., Awaitable[str]]] = {}  # noqa: RUF012  # never written to
    commands: ClassVar[dict[str, "Command"]] = {}  # by verb

    def __init__(self, server: Listener, client: str | None) -> None:
        super().__init__()
        self.hostname = server.hostname
        self.connection_id = random_bytes(4).hex()
        self._server = server
        self._limits = server.limits
        self._client = client
        self._reading: BodyReader | None = None
        self._begun = 0.0  # when that began, seconds of a monotonic clock
        self._errors = 0
        self._commands_left = server.limits.commands

    def greet(self) -> None:
        """Begin the dialogue."""
        CONNECTION.set(self.connection_id)
        self._watch = Watch(self.loop, self._limits, self._expired)
        self._set_rset_state()
        self.session = self._create_session()
        self._server.sessions.add(self)
        self._out.append(f"220 {self.hostname} ESMTP Postroom\r\n".encode("ascii", "replace"))

    def leave(self) -> None:
        """Count the connection out."""
        self._watch.stop()
        self._server.connections.leave(self._client)

    def end(self) -> None:
        """Leave nothing of a message that did not end."""
        if self._reading is not None:
            self._reading.discard()
        self._server.sessions.discard(self)

    def stop(self) -> None:
        """End the session, at once or after the commit that it is in."""
        if not self._watch.ours:
            self._bye("421 4.3.2 Service is closing")

    def _set_rset_state(self) -> None:
        self.envelope = self._create_envelope()

    async def push(self, status: AnyStr) -> None:
        """Answer in aiosmtpd's words, with the enhanced status code that these lack."""
        text = status if isinstance(status, str) else bytes(status).decode("ascii")
        code, _, words = text.partition(" ")
        self._reply(f"{code} {_ENHANCED[code]} {words}")

    def _reply(self, line: str) -> None:
        self._out.append(line.encode("ascii", "replace") + b"\r\n")
        if line[0] != "5":
            return
        self._errors += 1
        if self._errors > self._limits.errors:
            self._bye("421 4.7.0 Too many errors")

    def _expired(self, which: str) -> None:
        if self._wire.is_closing():
            self._wire.abort()  # it does not even read our last words
            return
        logger.info("connection timed out connection=%s client=%s which=%s", self.connection_id, self._client, which)
        self._bye("421 4.4.2 Timeout, closing the connection")

    def obey(self, line: bytes) -> None:
        """Act on a command, which must come whole in time."""
        self._watch.heard_at = self.loop.time()
        self._commands_left -= 1
        if self._commands_left < 0:
            return self._bye("421 4.7.0 Too many commands without a message")
        try:
            text = line[:-2].decode() if len(line) <= COMMAND_BYTES and line.endswith(CRLF) else "\n"
        except UnicodeDecodeError:
            text = "\n"  # as above: what is no command line is not printable
        if not text.isprintable():
            return self._reply("500 5.5.2 Not a command line, which is printable and ends with CRLF")
        verb, _, argument = text.partition(" ")
        command = self.commands.get(verb.upper())
        if command is None:
            self._reply("500 5.5.2 Command not recognized")
        else:
            self._run(command(self, argument.strip()))

    async def smtp_HELO(self, hostname: str) -> None:
        """Greet (RFC 5321 4.1.1.1), without an enhanced code (RFC 2034 4)."""
        if hostname:
            self._introduce(hostname, extended=False)
            self._out.append(f"250 {self.hostname}\r\n".encode("ascii", "replace"))
        else:
            self._reply("501 5.5.4 Syntax: HELO hostname")

    async def smtp_EHLO(self, hostname: str) -> None:
        """Greet and say what we can (RFC 5321 4.1.1.1)."""
        if not hostname:
            return self._reply("501 5.5.4 Syntax: EHLO hostname")
        self._introduce(hostname, extended=True)
        lines = [f"250-{word}\r\n" for word in self._extensions()]
        self._out.append("".join([*lines, "250 ENHANCEDSTATUSCODES\r\n"]).encode("ascii", "replace"))

    def _extensions(self) -> tuple[str, ...]:
        """Return what EHLO tells, the name first, ENHANCEDSTATUSCODES to follow."""
        return self.hostname, "PIPELINING", f"SIZE {self._limits.message_bytes}", "8BITMIME", "SMTPUTF8"

    def _introduce(self, hostname: str, *, extended: bool) -> None:
        self._set_rset_state()
        assert self.session is not None
        self.session.host_name = hostname[:255]
        self.session.extended_smtp = extended

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Take the reverse path and its parameters (RFC 5321 4.1.1.2, RFC 1870, RFC 6152, RFC 6531)."""
        assert self.session is not None
        assert self.envelope is not None
        if not self.session.host_name or self.envelope.mail_from is not None:
            self._reply("503 5.5.1 Nested MAIL command" if self.session.host_name else "503 5.5.1 Send EHLO first")
            return
        path = read_path(arg or "", "FROM:")
        if path is None:
            return self._reply("501 5.5.4 Syntax: MAIL FROM:<address>")
        address, words, plain = path
        utf8, refusal = read_parameters(words, self._limits.message_bytes) if words else (False, None)
        if refusal is None and not plain:
            refusal = sender_refusal(address, utf8)
        if refusal is not None:
            return self._reply(refusal)
        self.envelope.mail_from = address
        self.envelope.smtp_utf8 = utf8
        self._out.append(b"250 2.1.0 Ok\r\n")

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Take one recipient if its mail is ours to keep (RFC 5321 4.1.1.3)."""
        assert self.envelope is not None
        if self.envelope.mail_from is None:
            return self._reply("503 5.5.1 Send MAIL first")
        path = read_path(arg or "", "TO:")
        if path is None or not path[0]:
            return self._reply("501 5.1.3 Syntax: RCPT TO:<address>")
        address, words, plain = path
        if address.lower() == "postmaster":
            address = f"{address}@{self.hostname}"  # RFC 5321 4.5.1: the one local part that needs no domain
        refusal = None if plain else recipient_refusal(address, words, self.envelope.smtp_utf8)
        if refusal is None and len(self.envelope.rcpt_tos) >= self._limits.recipients:
            refusal = "452 4.5.3 Too many recipients"
        refusal = refusal or await self._ask(address)
        if refusal is not None:
            return self._reply(refusal)
        self.envelope.rcpt_tos.append(address)
        self._commands_left += 1  # counted by the limit of recipients
        self._out.append(b"250 2.1.5 Ok\r\n")

    @abstractmethod
    async def _ask(self, address: str) -> str | None:
        """Return the reply that refuses a recipient, None for one whose mail is taken."""

    def _failure(self, step: str, error: Exception) -> str:
        trace = None if isinstance(error, Temporary) else error
        logger.error("%s failed error=%s", step, error, exc_info=trace)
        return Fault.FULL.value if isinstance(error, StorageFull) else Fault.OURS.value

    async def smtp_DATA(self, arg: str | None) -> None:
        """Read the message and hand it over (RFC 5321 4.1.1.4)."""
        assert self.envelope is not None
        if arg:
            return self._reply("501 5.5.4 Syntax: DATA")
        if not self.envelope.rcpt_tos:
            return self._reply("503 5.5.1 Send RCPT first")
        self._out.append(b"354 End data with <CR><LF>.<CR><LF>\r\n")
        self._watch.message_begins()
        self._begun = time.monotonic()
        self._in_message = True
        self._input[:0] = CRLF
        self._reading = BodyReader(self._server.spool_folder, self._limits)

    def read_on(self) -> bool:
        """Act on a piece of the message. Each chunk that comes is a sign of life."""
        assert self._reading is not None
        self._watch.heard_at = self.loop.time()
        piece = self._reading.next_piece(self._input)
        if piece is not None:
            self._run(self._take_piece(self._reading, piece))
        return piece is not None

    async def _take_piece(self, reading: BodyReader, piece: bytes) -> None:
        assert self.envelope is not None
        body = await reading.take(piece)
        if body is None:
            return
        self._in_message = False
        self._reading = None
        self._watch.message_ends()
        reply = body.value if isinstance(body, Fault) else await self._hand_over(body)
        size = 0 if isinstance(body, Fault) else body.size
        logger.info(
            "mail answered client=%s reply=%r size=%d recipients=%d ms=%d",
            *(self._client, reply, size, len(self.envelope.rcpt_tos), (time.monotonic() - self._begun) * 1000),
        )
        self._set_rset_state()
        self._reply(reply)
        if self._server.connections.closed:
            self._bye("421 4.3.2 Service is closing")

    async def _hand_over(self, body: Body) -> str:
        kept = False
        self._watch.ours = True
        try:
            # A peer that has gone already, or was told to, has no use for mail that it will send again.
            if self._wire.is_closing():
                raise ConnectionAbortedError("closed before the commit")
            refusal = await self._take(body)
            kept = refusal is None
        finally:
            self._watch.ours = False
            if body.spool is not None and not kept:
                body.spool.unlink(missing_ok=True)
        if refusal is not None:
            return refusal
        self._errors = 0
        self._commands_left = self._limits.commands
        return "250 2.0.0 Ok: kept"

    @abstractmethod
    async def _take(self, body: Body) -> str | None:
        """Keep a message, on disk when this returns; return the reply that refuses it, None where it is kept.

        Its spool file is moved or deleted then; of one that is refused the session deletes it.
        """

    def _mail(self, body: Body) -> Incoming:
        assert self.envelope is not None
        assert self.session is not None
        return Incoming.over_smtp(
            envelope_from=self.envelope.mail_from or "",
            recipients=tuple(self.envelope.rcpt_tos),
            content=body.content,
            spool=body.spool,
            size=body.size,
            sha256=body.sha256,
            client=self._client,
            helo=self.session.host_name,
        )

    async def smtp_QUIT(self, arg: str) -> None:
        """Say goodbye (RFC 5321 4.1.1.10)."""
        if arg:
            self._reply("501 5.5.4 Syntax: QUIT")
        else:
            self._bye("221 2.0.0 Bye")

    async def smtp_VRFY(self, arg: str) -> None:
        """Tell nothing about who is here (RFC 5321 7.3)."""
        self._reply("252 2.1.5 Send some mail and it will be seen")

    smtp_EXPN = smtp_VRFY

    async def smtp_HELP(self, arg: str) -> None:
        """Name the commands (RFC 5321 4.1.1.8)."""
        self._reply("214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP VRFY QUIT")

    async def not_here(self, arg: str) -> None:
        """Refuse a command that this port has not."""
        self._reply("502 5.5.1 Command not implemented")


Command = Callable[[Any, str], Coroutine[Any, Any, None]]


def commands_of(kind: type) -> dict[str, Command]:
    """Return what a kind of session obeys: by verb its methods `smtp_VERB`."""
    return {name[5:]: getattr(kind, name) for name in dir(kind) if name.startswith("smtp_")}


Session.commands = {**commands_of(Session), "AUTH": Session.not_here, "STARTTLS": Session.not_here}


def in_words(code: str, error: Exception) -> str:
    """Return the reply that says what an error does, in printable ASCII and short enough for one line."""
    words = "".join(c if " " <= c <= "~" else " " for c in str(error)[:400])
    return f"{code} {words}"
