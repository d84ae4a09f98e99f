"""The tools, one file a resource. A tool is thin: it names an operation, hands on its arguments, words the answer."""

from typing import TYPE_CHECKING

from mcp.types import ToolAnnotations

from postroom.mcp.face import Hands
from postroom.mcp.tools import inboxes, messages, sending, threads
from postroom.mcp.tools.row import Row
from postroom.service.catalog import OPERATIONS

if TYPE_CHECKING:
    from postroom.mcp.server import Server


def rows(hands: Hands) -> list[Row]:
    """Return all tools in the order in which hosts show them."""
    return [*inboxes.rows(hands), *messages.rows(hands), *threads.rows(hands), *sending.rows(hands)]


def register(server: "Server", hands: Hands) -> dict[str, str]:
    """Add the tools to `server`; return the operation of each."""
    table = rows(hands)
    for row in table:
        _add(server, row)
    return {row.name: row.operation for row in table}


def _add(server: "Server", row: Row) -> None:
    operation = OPERATIONS[row.operation]
    reads = operation.idempotent and not operation.destroys
    hints = ToolAnnotations(
        title=row.title,
        read_only_hint=reads,
        destructive_hint=operation.destroys or row.leaves,
        idempotent_hint=operation.idempotent,
        open_world_hint=row.outside,
    )
    server.add_tool(row.function, name=row.name, title=row.title, description=row.description, annotations=hints)
    tool = server._tool_manager.get_tool(row.name)
    assert tool is not None
    tool.parameters = _lean(tool.parameters, row)
    # The schema stays; each result is held against it by the tests, and not once more at every call (55 us a page).
    tool.fn_metadata.output_model = None


def _lean(schema: dict[str, object], row: Row) -> dict[str, object]:
    """Return the schema with the descriptions of the operation's input, which are written there once, and no titles."""
    inputs = row.described or OPERATIONS[row.operation].input
    described = {name: field.description for name, field in inputs.model_fields.items()}
    properties = schema.get("properties")
    assert isinstance(properties, dict)
    kept = {}
    for name, given in properties.items():
        shown = {key: value for key, value in given.items() if key != "title"}
        if description := row.says.get(name) or described.get(name):
            shown["description"] = description
        kept["from" if name == "from_" else name] = shown
    lean = {key: value for key, value in schema.items() if key not in ("title", "properties")}
    return {**lean, "properties": kept, "additionalProperties": False}
