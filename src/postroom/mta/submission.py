"""Takes mail from the mail clients of our inboxes (RFC 6409): the SMTP server that asks who they are before anything.

Who may send from an inbox, and whether a message may leave, is said by `Submissions`; nothing here knows a key.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from postroom.model.address import address_key
from postroom.model.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    Refused,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unprocessable,
)
from postroom.model.message import Incoming
from postroom.mta.authentication import MECHANISMS, Delays, Exchange
from postroom.mta.data import Body
from postroom.mta.limits import InboundLimits, counted_as
from postroom.mta.paths import read_path
from postroom.mta.pump import COMMAND_BYTES
from postroom.mta.session import Listener, Session, commands_of, in_words

_RETRY_SECONDS = 1.0  # a session that has had its time ends so long after its commit at the latest
_LOGIN_FIRST = "530 5.7.0 Authentication required"


@dataclass(frozen=True)
class SubmissionLimits(InboundLimits):
    """As for inbound mail; seconds and bytes. `tries`: wrong credentials in one session."""

    message_bytes: int = 10 * 2**20
    recipients: int = 50
    connections: int = 100
    line_bytes: int = 998  # RFC 5322 2.1.1: what leaves keeps to it
    session_seconds: float = 1800
    tries: int = 5
    first_delay: float = 0.5
    longest_delay: float = 20


@dataclass(frozen=True)
class Sender:
    """The inbox that a session sends from, and the key that lets it."""

    address: str
    inbox_id: str
    api_key: str = field(repr=False)


class Submissions(Protocol):
    """Who knows the keys and sends the mail. None of it may use what belongs to a task before its first wait."""

    async def authenticate(self, user: str, password: str) -> Sender:
        """Return who sends. Raises Unauthenticated, whatever it is that does not fit, and TooMany."""

    async def check(self, sender: Sender) -> None:
        """Let pass who may send now. Raises Refused, TooMany for who shall wait, and Unauthenticated, Forbidden or
        NotFound for who may no more.
        """

    async def take(self, sender: Sender, mail: Incoming, *, utf8: bool) -> None:
        """Send `mail`: it is durable when this returns, and its spool file deleted. Raises as `check`, and InvalidInput
        and TooLarge.
        """


class Submission(Listener):
    """The server of the submission port."""

    def __init__(
        self, submissions: Submissions, hostname: str, spool_folder: Path, limits: SubmissionLimits | None = None
    ) -> None:
        own = limits or SubmissionLimits()
        super().__init__(hostname, spool_folder, own)
        self.submissions = submissions
        self.own_limits = own
        self.delays = Delays(own.first_delay, own.longest_delay)

    def open(self, client: str | None) -> "SubmissionSession":
        """Return a session for a connection from the IP address `client`."""
        return SubmissionSession(self, client)


class SubmissionSession(Session):
    """A connection of a mail client."""

    def __init__(self, server: Submission, client: str | None) -> None:
        super().__init__(server, client)
        self._house = server.submissions
        self._own_limits = server.own_limits
        self._delays = server.delays
        self._exchange: Exchange | None = None
        self._sender: Sender | None = None
        self._tries_left = server.own_limits.tries
        self._waiting: asyncio.Future[None] | None = None

    def greet(self) -> None:
        """Begin the dialogue, and the time that it may take in all."""
        super().greet()
        self._ending = self.loop.call_later(self._own_limits.session_seconds, self._time_is_over)

    def leave(self) -> None:
        """Count the connection out; nobody waits on for a peer that is gone."""
        super().leave()
        self._ending.cancel()
        self._wake()

    def _time_is_over(self) -> None:
        if self._watch.ours:
            self._ending = self.loop.call_later(_RETRY_SECONDS, self._time_is_over)
        else:
            self._bye("421 4.4.2 Session is over, connect again")

    def obey(self, line: bytes) -> None:
        """Act on a command, or on the answer to what AUTH has asked (RFC 4954 4)."""
        if self._exchange is None or self._commands_left <= 0:
            return super().obey(line)
        self._watch.heard_at = self.loop.time()
        self._commands_left -= 1
        exchange, self._exchange = self._exchange, None
        if len(line) > COMMAND_BYTES:
            return self._reply("500 5.5.6 Authentication line is too long")
        answer = line[:-2].decode("ascii", "replace") if line.endswith(b"\r\n") else "*"
        if answer == "*":
            return self._reply("501 5.7.0 Authentication cancelled")
        self._run(self._step(exchange, answer))

    def _extensions(self) -> tuple[str, ...]:
        return *super()._extensions(), f"AUTH {' '.join(MECHANISMS)}"

    async def smtp_AUTH(self, arg: str) -> None:
        """Ask who the client is (RFC 4954 4)."""
        assert self.session is not None
        assert self.envelope is not None
        name, _, initial = arg.partition(" ")
        mechanism = MECHANISMS.get(name.upper())
        if not self.session.extended_smtp:
            self._reply("503 5.5.1 Send EHLO first")
        elif self._sender is not None or self.envelope.mail_from is not None:
            self._reply("503 5.5.1 Already authenticated")
        elif mechanism is None:
            self._reply(f"504 5.5.4 AUTH is one of {' '.join(MECHANISMS)}")
        else:
            exchange = mechanism()
            challenge = next(exchange)
            if initial:
                await self._step(exchange, "" if initial == "=" else initial)
            else:
                self._ask_client(exchange, challenge)

    def _ask_client(self, exchange: Exchange, challenge: str) -> None:
        self._exchange = exchange
        self._out.append(f"334 {challenge}\r\n".encode("ascii"))

    async def _step(self, exchange: Exchange, answer: str) -> None:
        try:
            challenge = exchange.send(answer)
        except StopIteration as end:
            await self._log_in(*end.value)
        except ValueError as error:
            self._reply(f"501 5.5.2 Cannot read the credentials: {error}")
        else:
            self._ask_client(exchange, challenge)

    async def _log_in(self, user: str, password: str) -> None:
        try:
            self._sender = await self._house.authenticate(user, password)
        except Unauthenticated:
            return await self._refuse_login()
        except TooMany as error:
            return self._reply(in_words("454 4.7.0", error))  # RFC 4954 6
        except Exception as error:
            # Whatever fails on our side, the client shall try again (RFC 4954 6).
            self._failure("authenticate", error)
            return self._reply("454 4.7.0 Temporary authentication failure, try again later")
        self._out.append(b"235 2.7.0 Authenticated\r\n")

    async def _refuse_login(self) -> None:
        self._tries_left -= 1
        peer = counted_as(self._client, loopback=True) or "local"
        await self._wait(self._delays.next(peer, self.loop.time()))
        self._reply(
            "535 5.7.8 Authentication credentials invalid: an inbox address, and an API key that may send from it"
        )
        if self._tries_left <= 0:
            self._bye("421 4.7.0 Too many wrong credentials")

    async def _wait(self, seconds: float) -> None:
        # A plain future: this may have begun outside of a task, where nothing that belongs to one can be used.
        if self._lost:
            return
        self._waiting = self.loop.create_future()
        timer = self.loop.call_later(seconds, self._wake)
        try:
            await self._waiting
        finally:
            timer.cancel()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Take the inbox as reverse path, and nobody else (RFC 6409 6.1)."""
        if self._sender is None:
            return self._reply(_LOGIN_FIRST)
        path = read_path(arg or "", "FROM:")
        if path is not None and address_key(path[0]) != address_key(self._sender.address):
            return self._reply(f"553 5.7.1 The sender must be {self._sender.address}, which authenticated")
        refusal = await self._try("check", self._house.check(self._sender))
        if refusal is not None:
            return self._reply(refusal)
        # RFC 4954 5: a client may say for whom it sends; we believe the key alone.
        words = [word for word in (arg or "").split(" ") if not word.upper().startswith("AUTH=")]
        await super().smtp_MAIL(" ".join(words))

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Take one recipient, whose mail may be anybody's."""
        if self._sender is None:
            return self._reply(_LOGIN_FIRST)
        await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str | None) -> None:
        """Read the message and send it."""
        if self._sender is None:
            return self._reply(_LOGIN_FIRST)
        await super().smtp_DATA(arg)

    async def smtp_HELP(self, arg: str) -> None:
        """Name the commands (RFC 5321 4.1.1.8)."""
        self._reply("214 2.0.0 EHLO HELO AUTH MAIL RCPT DATA RSET NOOP VRFY QUIT")

    async def _ask(self, address: str) -> str | None:
        return None  # as by every other way of sending: what cannot be delivered comes back as an event

    async def _take(self, body: Body) -> str | None:
        assert self._sender is not None
        assert self.envelope is not None
        utf8 = bool(self.envelope.smtp_utf8)
        return await self._try("take", self._house.take(self._sender, self._mail(body), utf8=utf8))

    async def _try(self, step: str, work: Coroutine[Any, Any, None]) -> str | None:
        """Do `work`; return the reply that says why it was refused, if it was."""
        try:
            await work
        except TooLarge as error:
            return in_words("552 5.3.4", error)
        except Refused as error:
            return in_words(f"550 5.7.1 {error.code}:", error)
        except TooMany as error:
            return in_words("451 4.7.0", error)
        except (InvalidInput, Unprocessable) as error:
            return in_words("550 5.6.0", error)
        except (Unauthenticated, Forbidden, NotFound):
            self._sender = None
            return "530 5.7.0 Authentication required: the key may no longer send from the inbox"
        except Exception as error:
            # 250 would lose the mail and 5xx give it up: whatever else fails is ours, and the client shall try again.
            return self._failure(step, error)
        return None


SubmissionSession.commands = {**commands_of(SubmissionSession), "STARTTLS": SubmissionSession.not_here}
