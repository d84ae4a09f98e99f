"""The MCP server: answers the protocol at once, learns its tools when the house is there, refuses unknown arguments.

Nothing of the engine is imported here: over stdio a host waits for the answer to `initialize` and for nothing else.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from mcp.server import MCPServer
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, RequestStateSecurity
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError, UnexpectedToolError
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Resource,
    ResourceTemplate,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    TextContent,
    Tool,
    UnsubscribeRequestParams,
)
from pydantic import ValidationError

from postroom import __version__
from postroom.mcp.arguments import in_snake_case, present
from postroom.mcp.face import Hands
from postroom.mcp.offering import OFFERING, Offering, if_offered
from postroom.mcp.peer import PEER, PeerGone, peer_of
from postroom.mcp.prompts import offered, wrong
from postroom.mcp.resources import Resources, pictures_of, read_address, text_of
from postroom.mcp.selection import ASKED, Selection, check_names, from_headers
from postroom.mcp.subscriptions import Subscriptions
from postroom.mcp.words import prompt_text, unknown

if TYPE_CHECKING:
    from mcp.server.auth.provider import TokenVerifier
    from mcp.server.auth.settings import AuthSettings

    from postroom.mcp.tools.row import Row
    from postroom.model.tenant import Actor

# What the answer to the request at hand has besides what the SDK words; None: nobody would add it.
_ASIDE: ContextVar[dict[str, Any] | None] = ContextVar("_ASIDE", default=None)
# Why the request at hand is not let in, None where it is.
_SPENT: ContextVar[str | None] = ContextVar("_SPENT", default=None)
# A keyword of Python cannot name a parameter, and an alias crashes the SDK: mapped by hand, on the way in and out.
_FROM = {"from": "from_"}
_IN_A_HEADER = " (in a header of the request)"
_NO_PERSON = (
    "{} has nobody to ask: this client does not say that it puts questions to its person (elicitation). Nothing was"
    " changed. Leave it to a person who may approve (postroom approvals, /v1/postroom/approvals), or use a client that"
    " asks."
)


class Server(MCPServer[Any]):
    """Postroom's tools over one connection (stdio) or many (HTTP)."""

    def __init__(
        self,
        hands: Hands,
        *,
        verifier: "TokenVerifier | None" = None,
        auth: "AuthSettings | None" = None,
        state_key: str | None = None,
    ) -> None:
        # With a key of the data folder, what a client brings back is known after a restart and in another process too.
        state = RequestStateSecurity(keys=[state_key]) if state_key else None
        super().__init__(
            "postroom",
            title="Postroom",
            version=__version__,
            instructions=prompt_text("instructions.md"),
            website_url=None,
            token_verifier=verifier,
            auth=auth,
            request_state_security=state,
            log_level="WARNING",
            middleware=[self._mark],
        )
        self.answered = asyncio.Event()  # set once the first request was answered
        self.meets: Callable[[Any], None] | None = None  # told of each request that has come in, before its answer
        for prompt in offered():
            self.add_prompt(prompt)
        self._hands = hands
        self._learned: asyncio.Lock = asyncio.Lock()
        self._knows = False
        self._selection = Selection()
        self.rows: dict[str, Row] = {}
        self._names: tuple[frozenset[bytes], frozenset[bytes]] = frozenset(), frozenset()
        self._resources = Resources(hands, self._tool)
        own = self._resource_manager._resources.__contains__  # of no tenant: whatever is there by a fixed address
        self._serve(Subscriptions(hands, self._tool, self._subscriptions, own, verifier))

    def _serve(self, subscriptions: Subscriptions) -> None:
        low = self._lowlevel_server
        low.add_request_handler("resources/subscribe", SubscribeRequestParams, subscriptions.subscribe)
        low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, subscriptions.unsubscribe)
        low.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, subscriptions.listen)
        low.add_request_handler("completion/complete", CompleteRequestParams, self._complete)

    async def _tool(self, name: str) -> Any:
        """Return the function of a tool that is offered to whoever calls, None for any other."""
        await self.learn()
        row = self.rows.get(name)
        return row.function if row is not None and self._offers(row, await self._hands.actor()) else None

    async def list_resources(self) -> list[Resource]:
        with _in_protocol():
            return [*await super().list_resources(), *await self._resources.listed()]

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        with _in_protocol():
            return [*await super().list_resource_templates(), *await self._resources.templates()]

    async def read_resource(
        self, uri: Any, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | Any:
        address = read_address(str(uri))
        if address is None:
            return await super().read_resource(uri, context)
        with _in_protocol():
            found = await self._resources.read(address)
        text = ReadResourceContents(content=text_of(found), mime_type="text/plain", meta=found.meta)
        return [text, *pictures_of(found)]

    async def _complete(self, _ctx: Any, params: CompleteRequestParams) -> CompleteResult:
        known = (params.context.arguments if params.context is not None else None) or {}
        with _in_protocol():
            return CompleteResult(
                completion=await self._resources.complete(params.argument.name, params.argument.value, known)
            )

    async def _count(self, ctx: Any) -> None:
        """Count a request over HTTP; where the rate is spent, `call_tool` says so in a result, all else in an error."""
        spent = None if ctx.request is None or ctx.request_id is None else await self._hands.spent()
        if spent is not None and ctx.method != "tools/call":
            raise MCPError(code=INTERNAL_ERROR, message=spent)
        _SPENT.set(spent)

    async def _mark(self, ctx: Any, call_next: Callable[[Any], Any]) -> Any:
        aside: dict[str, Any] = {}
        token = _ASIDE.set(aside)
        ASKED.set(_asked(ctx.request))
        PEER.set(peer_of(ctx.request))
        if self.meets is not None:
            self.meets(ctx)
        try:
            await self._count(ctx)
            answer = await call_next(ctx)
            return {**answer, **aside} if aside else answer
        finally:
            _ASIDE.reset(token)
            if ctx.request_id is not None:
                self.answered.set()

    @property
    def names(self) -> tuple[frozenset[bytes], frozenset[bytes]]:
        """The names of all tools that it knows by now, and of those that may say something before their answer."""
        return self._names

    def only_reads(self, name: str) -> bool:
        """Tell whether it knows a tool of this name by now that changes nothing, and says nothing before its answer."""
        row = self.rows.get(name)
        return row is not None and self._knows and row.reads and not row.speaks

    @property
    def hands(self) -> Hands:
        """What its tools do things by."""
        return self._hands

    async def learn(self) -> None:
        """Register the tools; the first call pays for the imports, which wait until the house is open."""
        if self._knows:
            return
        async with self._learned:
            if self._knows:
                return
            face = await self._hands.face()
            from postroom.mcp.tools import register

            self.rows = self.rows or register(self, self._hands)
            self._selection = face.selection
            _check(self._selection, self.rows)
            speaking = frozenset(name.encode() for name, row in self.rows.items() if row.speaks)
            self._names = frozenset(map(str.encode, self.rows)), speaking
            self._knows = True

    async def list_tools(self) -> list[Tool]:
        from postroom.model.errors import PostroomError

        try:
            await self.learn()
            actor = await self._hands.actor()
            with _in_protocol():
                _check_asked(self.rows)
            may_ask = await self._hands.may_ask()
        except PostroomError as error:
            raise MCPError(code=INTERNAL_ERROR, message=str(error)) from error
        offered = [tool for tool in await super().list_tools() if self._offers(self.rows[tool.name], actor)]
        if not may_ask:
            offered = [tool for tool in offered if not self.rows[tool.name].asks]
        if actor.reach.inbox_id is None:
            return offered
        return [tool if self.rows[tool.name].names_inbox else _for_its_inbox(tool) for tool in offered]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | Any:
        from postroom.model.errors import PostroomError

        if (spent := _SPENT.get()) is not None:
            return refused(spent)
        try:
            await self.learn()
            actor = await self._hands.actor()
            _check_asked(self.rows)
            asks = name in self.rows and self.rows[name].asks
            may_ask = not asks or await self._hands.may_ask()
        except PostroomError as error:
            return refused(str(error))
        OFFERING.set(Offering(self.rows, lambda other: self._is_of_use(other, actor, context)))
        tool = self._tool_manager.get_tool(name)
        if tool is None or not self._offers(self.rows[name], actor):
            return refused(self._not_offered(name, actor))
        if not may_ask:
            return refused(f"No policy lets {name} ask the person at this client. Ask a person who may approve it.")
        row = self.rows[name]
        given = _given(row, tool, arguments, actor)
        if isinstance(given, str):
            return refused(given)
        return _lightened(await _answered(tool, lambda: self._done(row, given, context)))

    async def _done(self, row: "Row", given: dict[str, Any], context: Context[Any, Any] | None) -> Any:
        """Return what a tool returns; one that waits does so only for somebody who is there."""
        peer = PEER.get() if row.waits else None
        if peer is None:
            return await super().call_tool(row.name, given, context)
        return await peer.while_there(lambda: super(Server, self).call_tool(row.name, given, context))

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> Any:
        if (problem := wrong(name, arguments or {}, self._prompt_manager.list_prompts())) is not None:
            raise MCPError(code=INVALID_PARAMS, message=problem)
        return await super().get_prompt(name, arguments, context)

    def _offers(self, row: "Row", actor: "Actor") -> bool:
        """Tell whether the operator, the request and the key all leave this tool to the caller."""
        asked = ASKED.get()
        selections = (self._selection,) if asked is None else (self._selection, asked)
        return row.may_use(actor) and all(s.offers(row.name, row.toolset, reads=row.reads) for s in selections)

    def _is_of_use(self, name: str, actor: "Actor", context: Context[Any, Any] | None) -> bool:
        """Tell whether a tool may be named to the caller: it is offered, and what it asks the client for is there."""
        row = self.rows[name]
        return self._offers(row, actor) and (not row.asks or _can_ask(context))

    def _not_offered(self, name: str, actor: "Actor") -> str:
        row = self.rows.get(name)
        if row is None:
            return unknown("tool", name, [row.name for row in self.rows.values() if self._offers(row, actor)])
        if (why := row.why_not(actor)) is not None:
            return why
        own = self._selection.why_not(name, row.toolset, reads=row.reads)
        if own is not None:
            step = if_offered(row.instead) or "Ask who set the server up."
            return f"{name} is not offered on this connection: {own}. {step}"
        asked = (ASKED.get() or self._selection).why_not(name, row.toolset, reads=row.reads)
        step = f" {instead}" if (instead := if_offered(row.instead)) else ""
        return f"{name} is not offered on this connection: {asked}. Its X-MCP headers say so.{step}"


@contextmanager
def _in_protocol() -> Iterator[None]:
    """Word our errors for the protocol, where there is no result that could carry them."""
    from postroom.model.errors import InvalidInput, NotFound, PostroomError

    try:
        yield
    except NotFound as error:
        raise ResourceNotFoundError(str(error)) from error
    except PostroomError as error:
        code = INVALID_PARAMS if isinstance(error, InvalidInput) else INTERNAL_ERROR
        raise MCPError(code=code, message=str(error)) from error


def _check(selection: Selection, rows: "Mapping[str, Row]", where: str = "") -> None:
    from postroom.model.errors import InvalidInput

    try:
        check_names(selection, rows)
    except ValueError as error:
        raise InvalidInput(f"{error}{where}") from None


def _check_asked(rows: "Mapping[str, Row]") -> None:
    """Refuse names of tools in the headers of the request that there are not."""
    if (asked := ASKED.get()) is not None:
        _check(asked, rows, _IN_A_HEADER)


def _can_ask(context: Context[Any, Any] | None) -> bool:
    """Tell whether the client says that it puts questions to its person, as the SDK reads it."""
    capabilities = None if context is None else context.client_capabilities
    asks = None if capabilities is None else capabilities.elicitation
    return asks is not None and (asks.form is not None or asks.url is None)


def _given(row: "Row", tool: Any, arguments: Mapping[str, Any], actor: "Actor") -> dict[str, Any] | str:
    """Return the arguments of a call as its function takes them, or in words which of them it does not."""
    known = {**tool.parameters.get("properties", {}), **dict.fromkeys(row.unlisted)}
    given = in_snake_case(arguments, known)
    for argument in given:
        if argument not in known:
            return _unknown_argument(row, argument, list(known))
    given = present(given, row.nulls)
    if "inbox_id" in known and actor.reach.inbox_id is not None and not row.names_inbox:
        given.setdefault("inbox_id", actor.reach.inbox_id)
    return {_FROM.get(key, key): value for key, value in given.items()}


def _unknown_argument(row: "Row", name: str, known: list[str]) -> str:
    if name in row.elsewhere and (hint := if_offered(row.elsewhere[name])):
        return f"Unknown argument {name!r}. {hint}"
    return unknown("argument", name, known)


def _asked(request: Any) -> Selection | None:
    try:
        return None if request is None else from_headers(request.headers)
    except ValueError as error:
        raise MCPError(code=INVALID_PARAMS, message=f"{error}{_IN_A_HEADER}") from None


def _for_its_inbox(tool: Tool) -> Tool:
    """Return a tool as a key of one inbox sees it: the inbox need not be named."""
    required = tool.input_schema.get("required", [])
    if "inbox_id" not in required:
        return tool
    schema = {**tool.input_schema, "required": [name for name in required if name != "inbox_id"]}
    return tool.model_copy(update={"input_schema": schema})


async def _answered(tool: Any, call: Callable[[], Any]) -> Any:
    """Return the result, or the error as a result that says what to do next; no address of a library in it."""
    try:
        return await call()
    except UnexpectedToolError as error:
        from postroom.model.errors import PostroomError

        if isinstance(error.__cause__, PostroomError):
            return refused(str(error.__cause__))
        raise
    except PeerGone:
        return refused("Whoever asked has gone.")
    except MCPError as error:
        if error.code == MISSING_REQUIRED_CLIENT_CAPABILITY or isinstance(error, NoBackChannelError):
            return refused(_NO_PERSON.format(tool.name))
        raise
    except ToolError as error:
        return refused(_fault(tool, error))


def _fault(tool: Any, error: ToolError) -> str:
    told = str(error).removeprefix(f"Error executing tool {tool.name}: ")
    if told.startswith("Resolver "):  # what a client brings as its person's answer
        return f"{tool.name} was given no answer that fits its question. Nothing was changed: call it again."
    if isinstance(error.__cause__, ValidationError):
        return f"Invalid arguments. {_problems(error.__cause__, _inner(tool))}"
    return told


def _inner(tool: Any) -> list[str]:
    parts = tool.fn_metadata.arg_model.model_json_schema().get("$defs", {})
    return [name for part in parts.values() for name in part.get("properties", ())]


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
    from postroom.service.desk import said

    names = {inside: outside for outside, inside in _FROM.items()}
    sentences: list[str] = []
    for found in error.errors(include_url=False, include_context=False)[:5]:
        path = ".".join(names.get(str(step), str(step)) for step in found["loc"])
        if found["type"] == "extra_forbidden":
            sentences.append(f"{path}: {unknown('field', str(found['loc'][-1]), inner)}")
        elif found["type"] == "missing":
            sentences.append(f"{path}: it is required.")
        else:
            sentences.append(f"{path}: {said(found['msg'])} (got {str(found['input'])[:80]!r}).")
    return " ".join(sentences)
