"""Which domains are ours: the server's own, and those that an organization has verified. It changes none."""

from postroom.mime.encode import ascii_domain
from postroom.model.address import MAX_DOMAIN, domain_key, is_domain, split
from postroom.model.domain import Host
from postroom.model.errors import DomainNotUsable, DomainNotVerified
from postroom.model.inbox import Inbox, Mailbox
from postroom.service.operation import Context
from postroom.store.queries import domains as queries

_DEEPEST = 8  # subdomains below a domain that are looked at


def ascii_name(domain: str) -> str:
    """Return the one spelling of a domain under which it is kept: A-labels, lower case, no last dot."""
    return ascii_domain(domain_key(domain.strip()))


def host_of(context: Context, domain: str) -> Host | None:
    """Return the verified domain that `domain` is, or is a subdomain of where it has subdomains; the nearest decides.

    None for the server's own domain: it is no organization's.
    """
    if len(domain) > MAX_DOMAIN or not is_domain(domain.rstrip(".")):
        return None
    labels = ascii_name(domain).split(".")
    for depth in range(min(len(labels) - 1, _DEEPEST)):
        found = context.tx.one(queries.HOST, name=".".join(labels[depth:]))
        if found is not None:
            return found if depth == 0 or found.subdomains_enabled else None
    return None


def is_own(context: Context, domain: str) -> bool:
    """Tell whether `domain` is the one that the server itself was given."""
    return domain_key(domain) == domain_key(context.house.domain)


def is_ours(context: Context, address: str) -> bool:
    """Tell whether mail for `address` ends on this server, whether or not there is such an inbox."""
    domain = split(address)[1]
    if is_own(context, domain):
        return True
    host = host_of(context, domain)
    return host is not None and host.inbound_enabled


def receives(context: Context, mailbox: Mailbox) -> bool:
    """Tell whether mail may reach an inbox: its domain is still its organization's, and takes mail."""
    domain = split(mailbox.address)[1]
    if is_own(context, domain):
        return True
    host = host_of(context, domain)
    return host is not None and host.inbound_enabled and _may_use(host, mailbox.org_id, mailbox.pod_id)


def check_sender(context: Context, inbox: Inbox) -> None:
    """Let pass an inbox whose domain is its organization's to send from. Raises DomainNotVerified."""
    domain = split(inbox.address)[1]
    if is_own(context, domain):
        return
    host = host_of(context, domain)
    if host is None or not _may_use(host, inbox.org_id, inbox.pod_id):
        raise DomainNotVerified(
            f"{domain} is not a verified domain of this organization.", fix="Add and verify the domain again."
        )


def domain_for_inbox(context: Context, domain: str, org_id: str, pod_id: str) -> str:
    """Return the spelling of a domain that an inbox of this pod may have. Raises DomainNotUsable."""
    if is_own(context, domain):
        return context.house.domain
    host = host_of(context, domain)
    if host is None or not _may_use(host, org_id, pod_id):
        raise DomainNotUsable(
            f"domain: {domain[:MAX_DOMAIN]!r} is not a domain of this server.",
            fix=f"Use {context.house.domain}, or a domain that you have verified.",
        )
    return ascii_name(domain)


def shows_feedback(context: Context, address: str) -> bool:
    """Tell whether reports of bounces and complaints are shown to an inbox; on the server's own domain they are."""
    host = None if is_own(context, split(address)[1]) else host_of(context, split(address)[1])
    return host is None or host.feedback_enabled


def tracks_opens(context: Context, address: str) -> bool:
    """Tell whether mail of an inbox may tell that it was opened: a domain of one's own that says so."""
    host = None if is_own(context, split(address)[1]) else host_of(context, split(address)[1])
    return host is not None and host.tracking_enabled


def message_id_domain(address: str) -> str:
    """Return what stands after the @ of the Message-IDs that mail from `address` gets."""
    return ascii_domain(split(address)[1])


def _may_use(host: Host, org_id: str, pod_id: str) -> bool:
    return host.org_id == org_id and host.pod_id in (None, pod_id)
