"""The settings: POSTROOM_* from the environment, read once, frozen. Nothing else reads the environment."""

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from postroom.model.address import is_domain

# Names that later versions use: setting one must not pass in silence.
RESERVED = ("tls_cert", "tls_key")


class Endpoint(BaseModel, frozen=True):
    """Where to listen. Port 0 picks a free one."""

    host: str
    port: int = Field(ge=0, le=65535)

    @classmethod
    def read(cls, text: str) -> "Endpoint":
        """Read ``host:port`` or ``[::1]:port``."""
        host, colon, port = text.strip().rpartition(":")
        if not colon or not port.isdigit() or not host or (":" in host and not host.startswith("[")):
            raise ValueError(f"{text!r} is not host:port, such as 127.0.0.1:8025")
        return cls(host=host.strip("[]"), port=int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine to itself; a name but localhost may stand for any address."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Settings(BaseSettings):
    """What an operator can set. Every name is `POSTROOM_` and the field in capitals."""

    model_config = SettingsConfigDict(env_prefix="POSTROOM_", env_ignore_empty=True, frozen=True, extra="ignore")

    home: Path = Field(
        default_factory=lambda: user_data_path("postroom", appauthor=False), description="The data folder."
    )
    http: str = Field(default="127.0.0.1:8025", description="Where HTTP (MCP, REST) listens; port 0 picks a free one.")
    smtp: str = Field(default="127.0.0.1:2525", description="Where SMTP listens; port 0 picks a free one.")
    domain: str = Field(default="postroom.localhost", description="The domain of the inboxes.")
    api_key: SecretStr | None = Field(
        default=None,
        description="serve: the owner key to install into a store without keys; mcp and the CLI: the key to act as.",
    )
    url: str | None = Field(
        default=None, description="mcp: the running server to carry stdio to, instead of opening the data folder."
    )
    public_url: str | None = Field(
        default=None, description="The address that links begin with; the bound one when absent."
    )
    delivery: Literal["sandbox"] = Field(
        default="sandbox", description="sandbox: mail to foreign domains is captured and leaves this machine never."
    )
    allow_private_urls: bool = Field(
        default=False, description="1 lets attachment and webhook addresses reach loopback and the LAN."
    )
    allow_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(), description="Comma list of networks (CIDR) that attachment and webhook addresses may reach as well."
    )
    smtp_per_client: int = Field(
        default=50, ge=1, description="SMTP connections that one client may hold; loopback is not counted."
    )
    sockets_per_key: int = Field(default=1000, ge=1, description="WebSockets that one API key may hold at /v0.")
    key_rate: float = Field(
        default=2_000, ge=0, le=1_000_000, description="Requests a second that one API key may go on with; 0: no limit."
    )
    key_burst: int | None = Field(
        default=None, ge=1, description="Requests that one API key may make at once; ten seconds' worth when absent."
    )
    message_bytes: int = Field(default=50 * 2**20, ge=2**10, description="The largest message, in bytes.")
    inbox_limit: int = Field(default=100_000, ge=0, description="Inboxes that one organization may have.")
    domain_limit: int = Field(default=1_000, ge=0, description="Domains that one organization may have.")
    secret_key: SecretStr | None = Field(
        default=None,
        description="Signs links and seals secrets in the database (base64, 32 bytes); kept as secret.key when absent.",
    )
    resolver: str | None = Field(
        default=None, description="The DNS server to ask, host:port with an IP address; the system's when absent."
    )
    submission: str | None = Field(
        default=None,
        description="Where mail clients send (SMTP with AUTH), host:port on loopback; off when absent.",
    )
    toolsets: str | None = Field(
        default=None,
        description="Comma list of the groups of MCP tools to offer, or all; core and domains when absent.",
    )
    tools: str | None = Field(default=None, description="Comma list of MCP tools: these and no others.")
    exclude_tools: str | None = Field(default=None, description="Comma list of MCP tools to leave out.")
    read_only: bool = Field(default=False, description="1 offers only MCP tools that change nothing.")
    oauth_issuer: str | None = Field(
        default=None, description="The issuer whose access tokens /mcp takes; Postroom's own when absent."
    )
    oauth_claim: str = Field(
        default="postroom_key_id", description="The claim of that issuer's tokens which names the API key to act as."
    )
    tls_cert: str | None = Field(default=None, description="Reserved.")
    tls_key: str | None = Field(default=None, description="Reserved.")

    @field_validator("allow_networks", mode="before")
    @classmethod
    def _networks(cls, given: Any) -> Any:
        if isinstance(given, str):
            return tuple(ip_network(part.strip()) for part in given.split(",") if part.strip())
        return given

    @field_validator("domain")
    @classmethod
    def _domain(cls, given: str) -> str:
        if not is_domain(given):
            raise ValueError(f"{given!r} is not a domain name")
        return given

    @field_validator("http", "smtp")
    @classmethod
    def _endpoint(cls, given: str) -> str:
        return str(Endpoint.read(given))

    @field_validator("submission")
    @classmethod
    def _submission(cls, given: str | None) -> str | None:
        if given is None:
            return None
        endpoint = Endpoint.read(given)
        if not is_loopback(endpoint.host):
            raise ValueError(
                f"{endpoint.host} is not a loopback address: without TLS the keys would cross the network in the clear;"
                " use one such as 127.0.0.1:2587"
            )
        return str(endpoint)

    @field_validator("resolver")
    @classmethod
    def _resolver(cls, given: str | None) -> str | None:
        if given is not None:
            ip_address(Endpoint.read(given).host)
        return given

    @field_validator("public_url", "url")
    @classmethod
    def _url(cls, given: str | None) -> str | None:
        if given is None:
            return None
        url = urlsplit(given)
        if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
            raise ValueError(f"{given!r} is not an address such as https://mail.example.com")
        return given.rstrip("/")

    @field_validator("oauth_issuer")
    @classmethod
    def _issuer(cls, given: str | None) -> str | None:
        if given is None:
            return None
        url = urlsplit(given)
        is_safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname or ""))
        if not is_safe or not url.hostname or url.query or url.fragment:
            raise ValueError(f"{given!r} is not an https address such as https://login.example.com")
        return given  # to the letter: tokens name it so

    @field_validator("home")
    @classmethod
    def _home(cls, given: Path) -> Path:
        return given.expanduser().absolute()

    @property
    def burst(self) -> int:
        """How many requests one API key may make at once."""
        return max(1, round(self.key_rate * 10)) if self.key_burst is None else self.key_burst

    @cached_property
    def http_endpoint(self) -> Endpoint:
        return Endpoint.read(self.http)

    @cached_property
    def smtp_endpoint(self) -> Endpoint:
        return Endpoint.read(self.smtp)

    @property
    def tool_selection(self) -> dict[str, str | None]:
        """The settings that choose MCP tools, as their names are everywhere."""
        return {
            "toolsets": self.toolsets,
            "tools": self.tools,
            "exclude_tools": self.exclude_tools,
            "read_only": "yes" if self.read_only else None,
        }

    @cached_property
    def submission_endpoint(self) -> Endpoint | None:
        return None if self.submission is None else Endpoint.read(self.submission)

    @cached_property
    def resolver_endpoint(self) -> tuple[str, int] | None:
        """The address and port of the DNS server, None for the system's."""
        if self.resolver is None:
            return None
        endpoint = Endpoint.read(self.resolver)
        return endpoint.host, endpoint.port

    def reserved_in_use(self) -> list[str]:
        """Name the settings that were given and do nothing in this version."""
        return [f"POSTROOM_{name.upper()}" for name in RESERVED if getattr(self, name) is not None]
