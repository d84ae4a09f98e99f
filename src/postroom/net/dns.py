"""Asks the DNS: TXT and MX records of a name, within a time and a size. It judges nothing and remembers nothing."""

import logging
from typing import TYPE_CHECKING, NamedTuple

from postroom.model.errors import Temporary

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as AsyncResolver
    from dns.resolver import Answer

log = logging.getLogger(__name__)
LOOKUP_S = 4.0  # for all tries of one question
MAX_RECORDS = 100  # of an answer; a name with more is not one that a person looks after
MAX_TEXT = 4_096  # bytes of a TXT record
_PAYLOAD = 1_232  # bytes of an answer over UDP that no network splits; a longer one comes over TCP


class Mx(NamedTuple):
    """One MX record (RFC 5321 5.1): `exchange` in lower case, without the last dot."""

    preference: int
    exchange: str


class Resolver:
    """Asks the server `host`, `port`; the ones that the system names where there is none."""

    def __init__(self, server: tuple[str, int] | None = None) -> None:
        self._server = server
        self._client: AsyncResolver | None = None

    async def txt(self, name: str) -> list[str]:
        """Return the TXT records of `name`, the strings of each joined (RFC 7208 3.3, RFC 6376 3.6.2.2).

        Raises:
            Temporary: no server answered, so nothing is known.
        """
        answer = await self._ask(name, "TXT")
        texts = [b"".join(record.strings) for record in ([] if answer is None else list(answer)[:MAX_RECORDS])]
        return [text.decode("utf-8", "replace") for text in texts if len(text) <= MAX_TEXT]

    async def mx(self, name: str) -> list[Mx]:
        """Return the MX records that `name` itself has: an alias has none of its own (RFC 2181 10.3).

        Raises:
            Temporary: no server answered, so nothing is known.
        """
        answer = await self._ask(name, "MX")
        if answer is None or answer.canonical_name != answer.qname:
            return []
        found = list(answer)[:MAX_RECORDS]
        return sorted(Mx(r.preference, r.exchange.to_text(omit_final_dot=True).lower()) for r in found)

    async def _ask(self, name: str, kind: str) -> "Answer | None":
        # 0.1 s of imports that a start without domains does not pay.
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            asked = dns.name.from_text(name, idna_codec=None)
            return await self._resolver().resolve(asked, kind, lifetime=LOOKUP_S, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return None
        except (dns.exception.DNSException, OSError) as error:
            log.warning("look-up failed name=%s type=%s error=%s", name, kind, error)
            raise Temporary(f"The DNS did not answer for {name}.", fix="Try again in a minute.") from error

    def _resolver(self) -> "AsyncResolver":
        if self._client is None:
            from dns.asyncresolver import Resolver as AsyncResolver

            self._client = AsyncResolver(configure=self._server is None)
            if self._server is not None:
                self._client.nameservers = [self._server[0]]
                self._client.port = self._server[1]
            self._client.use_edns(payload=_PAYLOAD)
            self._client.timeout = LOOKUP_S / 2  # a question to one server; then the next, or once more
        return self._client
