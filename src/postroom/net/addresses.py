"""Which IP addresses our requests may reach: an explicit table, because `ipaddress.is_global` says True for NAT64
loopback, ::127.0.0.1, fec0:: and multicast. It judges addresses; it never looks one up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from postroom.model.errors import Refused

Network = IPv4Network | IPv6Network


def _table(*rows: tuple[str, str]) -> tuple[tuple[Network, str], ...]:
    return tuple((ip_network(network), why) for network, why in rows)


# Credentials for whoever asks: refused always, whatever an operator allows.
METADATA = _table(
    ("169.254.169.254/32", "cloud metadata"),  # AWS, GCP, Azure, OpenStack, DigitalOcean, Hetzner
    ("169.254.170.2/32", "cloud metadata"),  # AWS ECS credentials
    ("169.254.170.23/32", "cloud metadata"),  # AWS EKS pod identity
    ("169.254.0.23/32", "cloud metadata"),  # Tencent
    ("100.100.100.200/32", "cloud metadata"),  # Alibaba
    ("168.63.129.16/32", "cloud metadata"),  # Azure's host agent, outside every private range
    ("192.0.0.192/32", "cloud metadata"),  # Oracle
    ("fd00:ec2::254/128", "cloud metadata"),  # AWS
    ("fd00:ec2::23/128", "cloud metadata"),  # AWS EKS pod identity
    ("fd20:ce::254/128", "cloud metadata"),  # GCP
    ("fe80::a9fe:a9fe/128", "cloud metadata"),  # OpenStack
)

# Refused unless private addresses are allowed.
PRIVATE = _table(
    ("10.0.0.0/8", "private"),  # RFC 1918
    ("100.64.0.0/10", "shared by a carrier"),  # RFC 6598
    ("127.0.0.0/8", "loopback"),  # RFC 1122 3.2.1.3
    ("169.254.0.0/16", "link-local"),  # RFC 3927
    ("172.16.0.0/12", "private"),  # RFC 1918
    ("192.168.0.0/16", "private"),  # RFC 1918
    ("::1/128", "loopback"),  # RFC 4291 2.5.3
    ("fc00::/7", "private"),  # RFC 4193
    ("fe80::/10", "link-local"),  # RFC 4291 2.5.6
)

# Refused unless an operator names the network: nothing that serves a file is there.
UNUSABLE = _table(
    ("0.0.0.0/8", "unspecified"),  # RFC 1122 3.2.1.3; connects to this host on Linux
    ("192.0.0.0/24", "reserved"),  # RFC 6890
    ("192.0.2.0/24", "documentation"),  # RFC 5737
    ("192.88.99.0/24", "reserved"),  # RFC 7526
    ("198.18.0.0/15", "benchmarking"),  # RFC 2544
    ("198.51.100.0/24", "documentation"),  # RFC 5737
    ("203.0.113.0/24", "documentation"),  # RFC 5737
    ("224.0.0.0/4", "multicast"),  # RFC 5771
    ("240.0.0.0/4", "reserved"),  # RFC 1112 4, broadcast among them
    ("::/96", "unspecified"),  # RFC 4291 2.5.2, 2.5.5.1: `::` and the IPv4-compatible addresses
    ("64:ff9b:1::/48", "local translation"),  # RFC 8215
    ("100::/64", "discard"),  # RFC 6666
    ("100:0:0:1::/64", "reserved"),  # RFC 9780
    ("2001::/23", "reserved"),  # RFC 2928; Teredo (RFC 4380) is within
    ("2001:db8::/32", "documentation"),  # RFC 3849
    ("3fff::/20", "documentation"),  # RFC 9637
    ("5f00::/16", "segment routing"),  # RFC 9602
    ("fec0::/10", "site-local"),  # RFC 3879
    ("ff00::/8", "multicast"),  # RFC 4291 2.7
)

_TRANSLATED = IPv6Network("::ffff:0:0:0/96")  # RFC 7915 (SIIT): ::ffff:0:a.b.c.d
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 2.1
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214 6.1: the upper half of the interface identifier
_LOOPBACK = IPv6Address("::1")


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What an operator allows beside the public internet: private addresses, and networks by name."""

    allow_private: bool = False
    allow_networks: tuple[Network, ...] = ()

    def check(self, ip: IPv4Address | IPv6Address) -> None:
        """Return if a request may go to `ip`; raise Refused, with the kind of address it is, if not.

        An IPv6 address that embeds an IPv4 one (mapped, translated, 6to4, Teredo, NAT64, ISATAP) may be reached only if
        that one may too. Cloud metadata is refused even where its network is allowed.
        """
        embedded = list(_embedded(ip))
        for each in (ip, *embedded):
            _refuse_if(each, METADATA)
        if self._is_named(ip):
            return
        for each in (ip, *(inner for inner in embedded if not self._is_named(inner))):
            self._check_one(each)

    def _check_one(self, ip: IPv4Address | IPv6Address) -> None:
        if not self.allow_private:
            _refuse_if(ip, PRIVATE)
        if ip != _LOOPBACK:  # it lies within ::/96, and PRIVATE has judged it
            _refuse_if(ip, UNUSABLE)

    def _is_named(self, ip: IPv4Address | IPv6Address) -> bool:
        return any(ip.version == network.version and ip in network for network in self.allow_networks)


def _refuse_if(ip: IPv4Address | IPv6Address, table: tuple[tuple[Network, str], ...]) -> None:
    for network, why in table:
        if ip.version == network.version and ip in network:
            raise Refused(f"Its address is not a public one ({why}).")


def _embedded(ip: IPv4Address | IPv6Address) -> Iterator[IPv4Address]:
    if isinstance(ip, IPv4Address):
        return
    if ip.ipv4_mapped:
        yield ip.ipv4_mapped
    elif ip in _TRANSLATED or ip in _NAT64:
        yield IPv4Address(int(ip) & 0xFFFF_FFFF)
    elif ip.sixtofour:
        yield ip.sixtofour
    elif ip.teredo:
        yield from ip.teredo
    elif (int(ip) >> 32) & 0xFFFF_FFFF in _ISATAP:
        yield IPv4Address(int(ip) & 0xFFFF_FFFF)
