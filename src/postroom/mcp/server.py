"""The MCP server: answers the protocol at once, learns its tools when the house is there, refuses unknown arguments.

Nothing of the engine is imported here: over stdio a host waits for the answer to `initialize` and for nothing else.
"""

import asyncio
import difflib
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, CallToolResult, TextContent, Tool
from pydantic import ValidationError

from postroom import __version__
from postroom.mcp.face import Hands
from postroom.mcp.prompts import offered
from postroom.mcp.words import prompt_text

if TYPE_CHECKING:
    from mcp.server.auth.provider import TokenVerifier
    from mcp.server.auth.settings import AuthSettings

# What the answer to the request at hand has besides what the SDK words; None: nobody would add it.
_ASIDE: ContextVar[dict[str, Any] | None] = ContextVar("_ASIDE", default=None)
# A keyword of Python cannot name a parameter, and an alias crashes the SDK: mapped by hand, on the way in and out.
_FROM = {"from": "from_"}


class Server(MCPServer[Any]):
    """Postroom's tools over one connection (stdio) or many (HTTP)."""

    def __init__(
        self, hands: Hands, *, verifier: "TokenVerifier | None" = None, auth: "AuthSettings | None" = None
    ) -> None:
        super().__init__(
            "postroom",
            title="Postroom",
            version=__version__,
            instructions=prompt_text("instructions.md"),
            website_url=None,
            token_verifier=verifier,
            auth=auth,
            log_level="WARNING",
            middleware=[self._mark],
        )
        self.answered = asyncio.Event()  # set once the first request was answered
        for prompt in offered():
            self.add_prompt(prompt)
        self._hands = hands
        self._learned: asyncio.Lock = asyncio.Lock()
        self._knows = False
        self.operation_of: dict[str, str] = {}

    async def _mark(self, ctx: Any, call_next: Callable[[Any], Any]) -> Any:
        aside: dict[str, Any] = {}
        token = _ASIDE.set(aside)
        try:
            answer = await call_next(ctx)
            return {**answer, **aside} if aside else answer
        finally:
            _ASIDE.reset(token)
            if ctx.request_id is not None:
                self.answered.set()

    async def learn(self) -> None:
        """Register the tools; the first call pays for the imports, which wait until the house is open."""
        if self._knows:
            return
        async with self._learned:
            if self._knows:
                return
            await self._hands.face()
            from postroom.mcp.tools import register

            self.operation_of = register(self, self._hands)
            self._knows = True

    async def list_tools(self) -> list[Tool]:
        from postroom.model.errors import PostroomError

        try:
            await self.learn()
        except PostroomError as error:
            raise MCPError(code=INTERNAL_ERROR, message=str(error)) from error
        return await super().list_tools()

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | Any:
        from postroom.model.errors import PostroomError

        try:
            await self.learn()
        except PostroomError as error:
            return refused(str(error))
        tool = self._tool_manager.get_tool(name)
        if tool is None:
            return refused(_unknown("tool", name, [t.name for t in self._tool_manager.list_tools()]))
        known = tool.parameters.get("properties", {})
        for argument in arguments:
            if argument not in known:
                return refused(_unknown("argument", argument, list(known)))
        given = {_FROM.get(key, key): value for key, value in arguments.items()}
        return _lightened(await _answered(tool, lambda: super(Server, self).call_tool(name, given, context)))


async def _answered(tool: Any, call: Callable[[], Any]) -> Any:
    """Return the result, or the error as a result that says what to do next; no address of a library in it."""
    try:
        return await call()
    except UnexpectedToolError as error:
        from postroom.model.errors import PostroomError

        if isinstance(error.__cause__, PostroomError):
            return refused(str(error.__cause__))
        raise
    except ToolError as error:
        if isinstance(error.__cause__, ValidationError):
            parts = tool.parameters.get("$defs", {}).values()
            inner = [name for part in parts for name in part.get("properties", {})]
            return refused(f"Invalid arguments. {_problems(error.__cause__, inner)}")
        return refused(str(error).removeprefix(f"Error executing tool {tool.name}: "))


def _lightened(result: CallToolResult | Any) -> CallToolResult | Any:
    """Return the result of a tool with its data set aside for `_mark`, where that stands around the call.

    They are ready for JSON; the SDK would copy them three times on the way out, value by value: 0.1 ms a page.
    """
    aside = _ASIDE.get()
    if aside is None or not isinstance(result, CallToolResult) or result.structured_content is None:
        return result
    aside["structuredContent"] = result.structured_content
    return result.model_copy(update={"structured_content": None})


def refused(text: str) -> CallToolResult:
    """Return a result that is an error, in words for the model."""
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)


def _problems(error: ValidationError, inner: list[str]) -> str:
    """Return what is wrong in sentences; `inner` are the names that an argument which is an object may hold."""
    names = {inside: outside for outside, inside in _FROM.items()}
    sentences: list[str] = []
    for found in error.errors(include_url=False, include_context=False)[:5]:
        path = ".".join(names.get(str(step), str(step)) for step in found["loc"])
        if found["type"] == "extra_forbidden":
            sentences.append(f"{path}: {_unknown('field', str(found['loc'][-1]), inner)}")
        else:
            sentences.append(f"{path}: {found['msg']} (got {str(found['input'])[:80]!r}).")
    return " ".join(sentences)


def _unknown(kind: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."
    return f"Unknown {kind} {name[:80]!r}. {hint}"
