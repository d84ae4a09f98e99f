"""Tools over domains of one's own: added, held against the DNS, shown with what is to be published."""

from typing import Annotated, Any

from mcp.types import CallToolResult

from postroom.mcp.domain_shapes import DomainDeletedResult, DomainPage, DomainResult, domain_item, domain_result, told
from postroom.mcp.face import Hands
from postroom.mcp.fitting import fitted
from postroom.mcp.offering import if_offered
from postroom.mcp.tools.row import Row, answer, at, more
from postroom.model.domain import Domain
from postroom.service.operation import Answer


class DomainTools:
    """list_domains, get_domain, add_domain, verify_domain, delete_domain."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def list_domains(
        self, limit: int = 10, page_token: str | None = None
    ) -> Annotated[CallToolResult, DomainPage]:
        """List your own domains, newest first."""
        found = await self._hands.ask("domains.list", {"limit": limit, "page_token": page_token})
        page = found.result
        items = [domain_item(domain) for domain in page.items]
        lines = [f"{i.domain_id} | {i.status}{'' if i.carries_mail else ' | carries no mail yet'}" for i in items]
        none = f"No domain. {if_offered('add_domain adds one.')}".strip()
        text = f"{len(items)} domains.\n" + "\n".join(lines) if items else none
        data = DomainPage(domains=items, next_page_token=page.next_page_token, position=found.position)
        return answer(text + more(page.next_page_token) + at(found.position), data)

    async def get_domain(self, domain_id: str) -> Annotated[CallToolResult, DomainResult]:
        """Get a domain: each DNS record to publish, what the DNS showed when it was last asked, and what to do next."""
        return _one(await self._hands.ask("domains.get", {"domain_id": domain_id}))

    async def add_domain(
        self,
        domain: str,
        inbound_enabled: bool = True,
        subdomains_enabled: bool = False,
        allow_conflicting_provider: bool = False,
    ) -> Annotated[CallToolResult, DomainResult]:
        """Add a domain that you own. The answer has the DNS records to publish; verify_domain checks them."""
        given: dict[str, Any] = {
            "domain": domain,
            "inbound_enabled": inbound_enabled,
            "subdomains_enabled": subdomains_enabled,
            "allow_conflicting_provider": allow_conflicting_provider,
        }
        return _one(await self._hands.ask("domains.create", given))

    async def verify_domain(self, domain_id: str) -> Annotated[CallToolResult, DomainResult]:
        """Look a domain's records up in the DNS now; once all are right it carries mail."""
        # Before anything is done: what a key may not see, it cannot be told the outcome of.
        await self._hands.ask("domains.get", {"domain_id": domain_id})
        await self._hands.ask("domains.verify", {"domain_id": domain_id})
        return _one(await self._hands.ask("domains.get", {"domain_id": domain_id}))

    async def delete_domain(self, domain_id: str) -> Annotated[CallToolResult, DomainDeletedResult]:
        """Delete a domain for good. Its inboxes keep their mail, and send and receive no more."""
        found = await self._hands.ask("domains.delete", {"domain_id": domain_id})
        data = DomainDeletedResult(success=True, domain_id=domain_id, position=found.position)
        return answer(f"Deleted {domain_id}." + at(found.position), data)


def rows(hands: Hands) -> list[Row]:
    """Return the tools over domains."""
    tools = DomainTools(hands)
    shared: dict[str, Any] = {"toolset": "domains", "beyond_inbox": True}  # no domain is an inbox's
    return [
        Row(title="List domains", operation="domains.list", function=tools.list_domains, **shared),
        Row(title="Get domain", operation="domains.get", function=tools.get_domain, **shared),
        Row(title="Add domain", operation="domains.create", function=tools.add_domain, **shared),
        Row(
            title="Verify domain",
            operation="domains.verify",
            function=tools.verify_domain,
            outside=True,
            changes=True,
            **shared,
        ),
        Row(title="Delete domain", operation="domains.delete", function=tools.delete_domain, **shared),
    ]


def _one(found: Answer[Domain]) -> CallToolResult:
    data = fitted(domain_result(found.result, found.position))
    return answer(told(data) + at(found.position), data)
