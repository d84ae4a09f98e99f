"""A DNS server for tests: real questions and answers over loopback, UDP and TCP, the records in the test's hands."""

import socketserver
import threading
from collections import defaultdict
from typing import Any, Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from postroom.net.dns import Mx


def _on_one_port(
    udp: type[socketserver.BaseRequestHandler], tcp: type[socketserver.BaseRequestHandler]
) -> tuple[socketserver.UDPServer, socketserver.TCPServer]:
    """Bind both servers to one free port: a port that is free for one protocol may be taken for the other."""
    for _ in range(20):
        first = socketserver.TCPServer(("127.0.0.1", 0), tcp)
        try:
            return socketserver.UDPServer(("127.0.0.1", first.server_address[1]), udp), first
        except OSError:
            first.server_close()
    raise OSError("no port is free for both UDP and TCP")


class FakeDns:
    """Answers on 127.0.0.1 while its block runs; `endpoint` is what POSTROOM_RESOLVER takes.

    A name that was not set does not exist; while `is_silent`, nothing is answered.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.is_silent = False
        self._records: dict[tuple[str, str], list[str]] = defaultdict(list)

    def __enter__(self) -> Self:
        fake = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, sock = self.request
                if (answer := fake._reply(data, over_udp=True)) is not None:
                    sock.sendto(answer, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                data = self.rfile.read(int.from_bytes(self.rfile.read(2), "big"))
                if (answer := fake._reply(data, over_udp=False)) is not None:
                    self.wfile.write(len(answer).to_bytes(2, "big") + answer)

        udp, tcp = _on_one_port(Udp, Tcp)
        self._servers: tuple[socketserver.BaseServer, ...] = (udp, tcp)
        self._port = int(udp.server_address[1])
        self._threads = [threading.Thread(target=s.serve_forever, args=(0.02,), daemon=True) for s in self._servers]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join(5)

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self._port}"

    def set(self, name: str, kind: str, *values: str) -> None:
        """Let `name` have these records of a kind: TXT as text, MX as `10 host`, CNAME as a name."""
        self._records[name.lower(), kind] = list(values)

    def publish(self, records: Any) -> None:
        """Set the records of a domain as an API shows them, as a person would."""
        for record in records:
            value = record.value if record.type == "TXT" else f"{record.priority} {record.value}"
            self.set(record.name, record.type, value)

    def _reply(self, data: bytes, *, over_udp: bool) -> bytes | None:
        if self.is_silent:
            return None
        query = dns.message.from_wire(data)
        response = self._answer(query)
        try:
            return response.to_wire(max_size=max(query.payload, 512) if over_udp else 65_535)
        except dns.exception.TooBig:
            cut = dns.message.make_response(query)
            cut.flags |= dns.flags.TC
            return cut.to_wire()

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        owner = name
        if alias := self._records.get((name, "CNAME")):
            response.answer.append(_rrset(name, "CNAME", [f"{alias[0]}."]))
            owner = alias[0]
        if values := self._records.get((owner, kind)):
            response.answer.append(_rrset(owner, kind, [_presented(kind, value) for value in values]))
        elif not any(known == owner for known, _kind in self._records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response


class NoDns:
    """A DNS without any name: what a house asks in tests that are not about domains."""

    async def txt(self, _name: str) -> list[str]:
        return []

    async def mx(self, _name: str) -> list[Mx]:
        return []


def _rrset(name: str, kind: str, values: list[str]) -> dns.rrset.RRset:
    return dns.rrset.from_text_list(
        dns.name.from_text(name), 60, dns.rdataclass.IN, dns.rdatatype.from_text(kind), values
    )


def _presented(kind: str, value: str) -> str:
    if kind == "MX":
        return f"{value}."
    strings = [value[at : at + 255] for at in range(0, len(value), 255)] or [""]
    return " ".join('"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"')) for text in strings)
