"""A small language for SMTP dialogues over a real socket.

A dialogue is lines: ``>> MAIL FROM:<a@b>`` sends the line and CRLF, ``>>| a\\nb`` sends exactly these bytes (escapes as
in Python), and neighbours that send go out in one packet. ``<< 250 2.1.0`` reads one whole reply and wants it to begin
so; ``<< EOF`` wants the end of the connection. ``{name}`` stands for a dialogue's parameter.
"""

import asyncio
import codecs
import socket
import struct

DEADLINE = 10.0


class Peer:
    """A client that says what it is told and checks what it hears."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> "Peer":
        async with asyncio.timeout(DEADLINE):
            return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def say(self, *pieces: bytes) -> None:
        """Send each piece on its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def reply(self) -> str:
        """Return the lines of one reply, or "" at the end of the connection."""
        lines = []
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    line = (await self.reader.readline()).decode()
                except ConnectionError:
                    return ""
                lines.append(line)
                if line[3:4] != "-":
                    return "".join(lines)

    async def hear(self, start: str) -> str:
        """Read one reply, which begins with `start`."""
        reply = await self.reply()
        assert reply.startswith(start), f"expected {start!r}, heard {reply!r}"
        return reply

    async def hear_end(self) -> None:
        reply = await self.reply()
        assert reply == "", f"expected the end, heard {reply!r}"

    async def play(self, dialogue: str) -> None:
        """Act out a dialogue."""
        waiting = b""
        for line in filter(None, map(str.strip, dialogue.splitlines())):
            mark, _, words = line.partition(" ")
            if mark == ">>":
                waiting += words.encode() + b"\r\n"
            elif mark == ">>|":
                waiting += codecs.escape_decode(words.encode())[0]
            elif mark == "<<":
                if waiting:
                    await self.say(waiting)
                waiting = b""
                await (self.hear_end() if words == "EOF" else self.hear(words))
            else:
                raise ValueError(f"not a line of a dialogue: {line!r}")
        if waiting:
            await self.say(waiting)

    def close(self) -> None:
        self.writer.close()

    def abort(self) -> None:
        self.writer.transport.abort()

    def reset(self) -> None:
        """Be gone at once: no end of what was sent, which could be answered still."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


BEGIN = """
    << 220 mail.here.test ESMTP
    >> EHLO client.test
    << 250-mail.here.test
"""
TO_DATA = """
    >> MAIL FROM:<a@client.test>
    << 250 2.1.0
    >> RCPT TO:<agent@here.test>
    << 250 2.1.5
    >> DATA
    << 354
"""
