"""Takes mail from the network: the SMTP server for mail addressed to our inboxes, one session a connection.

It says no early and yes only after `Reception.take` has returned. It neither parses nor stores a message, and it knows
no inbox: it asks. It relays nothing and has neither AUTH nor STARTTLS.
"""

import asyncio
import logging
import re
import socket
import time
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import AnyStr, Protocol, cast

from aiosmtpd.smtp import SMTP

from postroom.model.address import is_address
from postroom.model.errors import InvalidInput, Refused, StorageFull, Temporary, TooLarge
from postroom.model.ids import random_bytes
from postroom.model.message import Incoming
from postroom.mta.data import Body, Fault, prepare_folder, read_body
from postroom.mta.limits import Connections, Door, InboundLimits, Watch
from postroom.service.trace import CONNECTION

__all__ = ["Inbound", "InboundLimits", "Reception", "Verdict"]

logger = logging.getLogger(__name__)

_COMMAND_BYTES = 2048  # RFC 5321 4.5.3.1.4 asks for 512 and RFC 1869 lets parameters add to it
_READER_BYTES = 64 * 1024  # a piece of DATA; asyncio holds up to twice as much and one read of the socket
_UNSENT_BYTES = 16 * 1024  # replies that a peer may leave unread before we stop listening to it
_GRACE_SECONDS = 5.0  # what a commit gets when the server stops

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# Most addresses there are. Whatever it matches is an address, whatever it does not is looked at more slowly.
_PLAIN = re.compile(rf"<((?=[^@]{{1,64}}@){_ATEXT}+(?:\.{_ATEXT}+){{0,3}}@{_LABEL}(?:\.{_LABEL}){{0,3}})>")
# RFC 5321 4.1.2: a path, whose source route is ignored (appendix F.2); angle brackets are often forgotten.
_PATH = re.compile(r'<(?:@[^:<>\s"]*:)?("(?:[^"\\]|\\.)*"@[^<>\s"]*|[^<>\s"]*)>(.*)|([^<>\s"]+)(.*)')
# Senders in the wild have longer local parts and stranger dots than RFC 5321 allows; they are only answered, or not.
_SENDER = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,256}@[A-Za-z0-9._-]{1,255}")
# What RFC 2034 wants in front of the replies that aiosmtpd words.
_ENHANCED = {"250": "2.0.0", "500": "5.5.2", "501": "5.5.4", "503": "5.5.1"}


class Verdict(Enum):
    """What becomes of mail to an address."""

    ACCEPTED = auto()
    UNKNOWN = auto()  # our domain, no such inbox
    FOREIGN = auto()  # not our domain


class Reception(Protocol):
    """Who knows the inboxes and keeps the mail."""

    async def verdict(self, address: str) -> Verdict:
        """Say whether mail to `address` is wanted. Raises Temporary where that cannot be told now."""

    async def take(self, mail: Incoming) -> None:
        """Keep `mail`: it is durable when this returns, and its spool file moved or deleted.

        Raises InvalidInput, Refused or TooLarge for mail that will never be kept; all else means "try again".
        """


class Inbound:
    """The SMTP server. `hostname` is the name it greets with, `spool_folder` holds large messages while they arrive."""

    def __init__(
        self, reception: Reception, hostname: str, spool_folder: Path, limits: InboundLimits | None = None
    ) -> None:
        self.reception = reception
        self.hostname = hostname
        self.spool_folder = spool_folder
        self.limits = limits or InboundLimits()
        self.connections = Connections(self.limits)
        self.sessions: set[Session] = set()

    async def serve(self, sock: socket.socket) -> None:
        """Serve on a bound socket until cancelled; then let commits end, answer 421 to everyone else and close.

        Raises OSError where the spool folder cannot be made.
        """
        await asyncio.to_thread(prepare_folder, self.spool_folder, self.limits)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            partial(Door, self.connections, partial(Session, self)), sock=sock, backlog=1024
        )
        try:
            await loop.create_future()
        finally:
            server.close()
            self.connections.closed = True
            await self._stop()

    async def _stop(self) -> None:
        for session in list(self.sessions):
            session.stop()
        tasks = [session.task for session in self.sessions if session.task is not None]
        if not tasks:
            return
        _done, late = await asyncio.wait(tasks, timeout=_GRACE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


class Session(SMTP):
    """One connection. From aiosmtpd: the state of a dialogue, its commands without a policy, HELO, RSET and NOOP."""

    # aiosmtpd's __init__ sets these on each object after it has looked at every member of two of them: 280 us.
    enable_SMTPUTF8 = True
    event_handler = None
    _auth_required = False
    _handle_hooks: dict[str, Callable[..., Awaitable[str]]] = {}  # noqa: RUF012  # never written to

    def __init__(self, server: Inbound, client: str | None) -> None:
        self.loop = asyncio.get_running_loop()
        asyncio.StreamReaderProtocol.__init__(
            self,
            asyncio.StreamReader(limit=_READER_BYTES, loop=self.loop),
            client_connected_cb=self._cb_client_connected,
            loop=self.loop,
        )
        self.hostname = server.hostname
        self.connection_id = random_bytes(4).hex()
        self.task: asyncio.Task[None] | None = None
        self._server = server
        self._limits = server.limits
        self._client = client
        self._out: list[bytes] = []
        self._errors = 0
        self._commands = 0
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the dialogue."""
        asyncio.StreamReaderProtocol.connection_made(self, transport)
        self._wire = cast(asyncio.Transport, transport)
        self._watch = Watch(self.loop, self._limits, self._expired)
        self._set_rset_state()
        self.session = self._create_session()
        self._server.sessions.add(self)
        self.task = self.loop.create_task(self._handle_client())
        self.task.add_done_callback(lambda _task: self._server.sessions.discard(self))

    def connection_lost(self, error: Exception | None) -> None:
        """Wake whoever reads. The task is not cancelled: it may be in the middle of a commit."""
        self._closing = True
        self._watch.stop()
        self._server.connections.leave(self._client)
        asyncio.StreamReaderProtocol.connection_lost(self, error)

    def eof_received(self) -> bool | None:
        """Let what was sent before be answered."""
        return asyncio.StreamReaderProtocol.eof_received(self)

    def data_received(self, data: bytes) -> None:
        """Hand on what came. In a message each chunk is a sign of life; a command must come whole in time."""
        if self._watch.in_message:
            self._watch.heard()
        asyncio.StreamReaderProtocol.data_received(self, data)

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

    def _bye(self, line: str) -> None:
        if self._closing:
            return
        self._out.append(line.encode("ascii") + b"\r\n")
        self._flush()
        self._closing = True
        self._wire.close()

    def _flush(self) -> None:
        if self._out and not self._wire.is_closing():
            self._wire.write(b"".join(self._out))
        self._out.clear()

    def _expired(self, which: str) -> None:
        if self._wire.is_closing():
            self._wire.abort()  # it does not even read our last words
            return
        logger.info("connection timed out connection=%s client=%s which=%s", self.connection_id, self._client, which)
        self._bye("421 4.4.2 Timeout, closing the connection")

    async def _handle_client(self) -> None:
        CONNECTION.set(self.connection_id)
        self._out.append(f"220 {self.hostname} ESMTP Postroom\r\n".encode("ascii", "replace"))
        try:
            while not self._closing:
                await self._turn()
        except (asyncio.IncompleteReadError, OSError) as gone:
            logger.debug("connection lost reason=%s", gone)
        except Exception:
            # A bug in one session is logged and ends that session, never the server.
            logger.exception("session failed")
            self._bye("421 4.3.0 Local error, try again later")
        finally:
            self._closing = True
            self._flush()
            self._wire.close()

    async def _turn(self) -> None:
        line = await self._next_line()
        self._commands += 1
        if self._commands > self._limits.commands:
            return self._bye("421 4.7.0 Too many commands without a message")
        if line is None:
            return self._reply("500 5.5.2 Not a command line, which is printable and ends with CRLF")
        verb, _, argument = line.partition(" ")
        command = _COMMANDS.get(verb.upper())
        if command is None:
            self._reply("500 5.5.2 Command not recognized")
        else:
            await command(self, argument.strip())

    async def _next_line(self) -> str | None:
        reader = self._reader
        # Pipelined commands are answered together (RFC 2920 3.2), but nothing is held back while we wait.
        if b"\n" not in reader._buffer:  # type: ignore[attr-defined]
            self._flush()
            if self._wire.get_write_buffer_size() > _UNSENT_BYTES:
                await self._writer.drain()
        too_long = False
        while True:
            try:
                raw = await reader.readuntil(b"\n")
                break
            except asyncio.LimitOverrunError as over:
                await reader.read(over.consumed)
                too_long = True
        self._watch.heard()
        if too_long or len(raw) > _COMMAND_BYTES or not raw.endswith(b"\r\n"):
            return None
        try:
            line = raw[:-2].decode()
        except UnicodeDecodeError:
            return None
        return line if line.isprintable() else None

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
        words = (self.hostname, "PIPELINING", f"SIZE {self._limits.message_bytes}", "8BITMIME", "SMTPUTF8")
        lines = [f"250-{word}\r\n" for word in words]
        self._out.append("".join([*lines, "250 ENHANCEDSTATUSCODES\r\n"]).encode("ascii", "replace"))

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
        path = _read_path(arg or "", "FROM:")
        if path is None:
            return self._reply("501 5.5.4 Syntax: MAIL FROM:<address>")
        address, words = path
        utf8, refusal = _read_parameters(words, self._limits.message_bytes) if words else (False, None)
        refusal = refusal or _sender_refusal(address, utf8)
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
        path = _read_path(arg or "", "TO:")
        if path is None or not path[0]:
            return self._reply("501 5.1.3 Syntax: RCPT TO:<address>")
        address, words = path
        if address.lower() == "postmaster":
            address = f"{address}@{self.hostname}"  # RFC 5321 4.5.1: the one local part that needs no domain
        refusal = self._recipient_refusal(address, words) or await self._ask(address)
        if refusal is not None:
            return self._reply(refusal)
        self.envelope.rcpt_tos.append(address)
        self._commands -= 1  # counted by the limit of recipients
        self._out.append(b"250 2.1.5 Ok\r\n")

    def _recipient_refusal(self, address: str, words: str) -> str | None:
        assert self.envelope is not None
        if words:
            return "555 5.5.4 RCPT TO parameters not recognized"
        if not address.isascii() and not self.envelope.smtp_utf8:
            return "553 5.6.7 Address is not ASCII and SMTPUTF8 was not asked for"
        if not _PLAIN.fullmatch(f"<{address}>") and not is_address(address):
            return "553 5.1.3 Not an address"
        if len(self.envelope.rcpt_tos) >= self._limits.recipients:
            return "452 4.5.3 Too many recipients"
        return None

    async def _ask(self, address: str) -> str | None:
        try:
            verdict = await self._server.reception.verdict(address)
        except Exception as error:
            # Whatever fails on our side, the sender shall try again.
            return self._failure("verdict", error)
        if verdict is Verdict.ACCEPTED:
            return None
        return "550 5.1.1 No such inbox" if verdict is Verdict.UNKNOWN else "550 5.7.1 Relaying denied"

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
        self._flush()
        self._watch.message_begins()
        begun = time.monotonic()
        try:
            body = await read_body(self._reader, self._server.spool_folder, self._limits)
        finally:
            self._watch.message_ends()
        reply = body.value if isinstance(body, Fault) else await self._hand_over(body)
        size = 0 if isinstance(body, Fault) else body.size
        logger.info(
            "mail answered client=%s reply=%r size=%d recipients=%d ms=%d",
            *(self._client, reply, size, len(self.envelope.rcpt_tos), (time.monotonic() - begun) * 1000),
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
        self._errors = self._commands = 0
        return "250 2.0.0 Ok: kept"

    async def _take(self, body: Body) -> str | None:
        assert self.envelope is not None
        assert self.session is not None
        mail = Incoming(
            envelope_from=self.envelope.mail_from or "",
            recipients=tuple(self.envelope.rcpt_tos),
            content=body.content,
            spool=body.spool,
            size=body.size,
            sha256=body.sha256,
            client=self._client,
            helo=self.session.host_name,
        )
        try:
            await self._server.reception.take(mail)
        except TooLarge as error:
            return _in_words("552 5.3.4", error)
        except (InvalidInput, Refused) as error:
            return _in_words("554 5.6.0", error)
        except Exception as error:
            # 250 would lose the mail and 5xx bounce it: whatever else fails is ours, and the sender shall try again.
            return self._failure("take", error)
        return None

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

    async def _not_here(self, arg: str) -> None:
        self._reply("502 5.5.1 Command not implemented")


_Command = Callable[[Session, str], Awaitable[None]]
_COMMANDS: dict[str, _Command] = {name[5:]: getattr(Session, name) for name in dir(Session) if name.startswith("smtp_")}
_COMMANDS.update(AUTH=Session._not_here, STARTTLS=Session._not_here)


def _read_parameters(words: str, message_bytes: int) -> tuple[bool, str | None]:
    """Return whether SMTPUTF8 is asked for, and the reply that refuses the words after MAIL FROM:<>, if any."""
    asked = set(words.upper().split())
    utf8 = "SMTPUTF8" in asked
    for word in asked - {"SMTPUTF8", "BODY=7BIT", "BODY=8BITMIME"}:
        name, _, value = word.partition("=")
        if name != "SIZE":
            return utf8, "501 5.5.4 BODY is 7BIT or 8BITMIME" if name == "BODY" else "555 5.5.4 Unknown parameter"
        # RFC 1870 3: up to 20 digits.
        if not (value.isascii() and value.isdigit() and len(value) <= 20):
            return utf8, "501 5.5.4 SIZE is a number of bytes"
        if int(value) > message_bytes:
            return utf8, Fault.TOO_BIG.value
    return utf8, None


def _read_path(argument: str, keyword: str) -> tuple[str, str] | None:
    """Return the address in ``FROM:<path> parameters`` and the parameters, or None where it is not of that form."""
    if argument[: len(keyword)].upper() != keyword:
        return None
    rest = argument[len(keyword) :].lstrip(" ")
    plain = _PLAIN.fullmatch(rest)
    if plain is not None:
        return plain[1], ""
    path = _PATH.fullmatch(rest)
    if path is None:
        return None
    quoted, after, bare, after_bare = path.groups()
    address, words = (bare, after_bare) if bare is not None else (quoted, after)
    return (address, words.strip()) if not words or words[0] == " " else None


def _sender_refusal(address: str, utf8: bool) -> str | None:
    if not address:
        return None  # the null reverse path, RFC 5321 4.5.5
    if not address.isascii() and not utf8:
        return "553 5.6.7 Address is not ASCII and SMTPUTF8 was not asked for"
    if _SENDER.fullmatch(address) or is_address(address):
        return None
    return "553 5.1.7 Not an address"


def _in_words(code: str, error: Exception) -> str:
    words = "".join(c if " " <= c <= "~" else " " for c in str(error)[:400])
    return f"{code} {words}"
