"""The tools, one file a resource. A tool is thin: it names an operation, hands on its arguments, words the answer."""

from typing import TYPE_CHECKING

from mcp.types import ToolAnnotations

from postroom.mcp.face import Hands
from postroom.mcp.tools import (
    account,
    admin,
    attachments,
    domains,
    drafts,
    inboxes,
    lists,
    messages,
    metrics,
    sending,
    threads,
    trash,
    unsubscribing,
    webhooks,
    work,
)
from postroom.mcp.tools.row import Row
from postroom.mcp.tools.schema import lean
from postroom.service.catalog import OPERATIONS

if TYPE_CHECKING:
    from postroom.mcp.server import Server

# In the order in which hosts show them.
_RESOURCES = (
    inboxes,
    messages,
    threads,
    trash,
    attachments,
    sending,
    unsubscribing,
    drafts,
    domains,
    webhooks,
    lists,
    metrics,
    admin,
    work,
)


def rows(hands: Hands) -> list[Row]:
    """Return all tools in the order in which hosts show them."""
    table: list[Row] = []
    for resource in _RESOURCES:
        table += resource.rows(hands)
    # The last ones speak of all the others.
    return [*table, *account.rows(hands, table)]


def register(server: "Server", hands: Hands) -> dict[str, Row]:
    """Add the tools to `server`; return them by name."""
    table = rows(hands)
    for row in table:
        _add(server, row)
    return {row.name: row for row in table}


def _add(server: "Server", row: Row) -> None:
    operation = OPERATIONS[row.operation]
    hints = ToolAnnotations(
        title=row.title,
        read_only_hint=row.reads,
        destructive_hint=operation.destroys or row.leaves,
        idempotent_hint=operation.idempotent,
        open_world_hint=row.outside,
    )
    server.add_tool(row.function, name=row.name, title=row.title, description=row.description, annotations=hints)
    tool = server._tool_manager.get_tool(row.name)
    assert tool is not None
    inputs = row.described or operation.input
    described = {name: field.description for name, field in inputs.model_fields.items()}
    tool.parameters = lean(tool.parameters, {**described, **row.says})
    for name in row.unlisted:
        del tool.parameters["properties"][name]
    # The schema stays; each result is held against it by the tests, and not once more at every call (55 us a page).
    tool.fn_metadata.output_model = None
