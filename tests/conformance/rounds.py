"""The fixtures of the conformance suites that ask the client in rounds (2026-07-28); what is missing is asked again."""

from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import (
    CallToolResult,
    CreateMessageRequest,
    ElicitRequest,
    ElicitRequestFormParams,
    InputRequiredResult,
    ListRootsRequest,
)

from tests.conformance.fixtures import result, sampling

Ctx = Context[Any, Any]
Answered = CallToolResult | InputRequiredResult


def _form(message: str, name: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _asking(requests: dict[str, Any], state: str | None = None) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


def _given(ctx: Ctx, key: str, name: str) -> Any:
    """Return a field of what a person answered, None where there is no such answer."""
    content = getattr((ctx.input_responses or {}).get(key), "content", None)
    return content.get(name) if isinstance(content, dict) else None


async def test_input_required_result_elicitation(ctx: Ctx) -> Answered:
    """Asks for a name."""
    name = _given(ctx, "user_name", "name")
    if not isinstance(name, str):
        return _asking({"user_name": _form("What is your name?", "name")})
    return result(f"Hello, {name}!")


async def test_input_required_result_sampling(ctx: Ctx) -> Answered:
    """Asks the client's model."""
    answer = (ctx.input_responses or {}).get("capital_question")
    if answer is None:
        asked = CreateMessageRequest(params=sampling("What is the capital of France?", 100))
        return _asking({"capital_question": asked})
    return result(str(getattr(getattr(answer, "content", None), "text", "")))


async def test_input_required_result_list_roots(ctx: Ctx) -> Answered:
    """Asks for the client's roots."""
    roots = getattr((ctx.input_responses or {}).get("client_roots"), "roots", None)
    if roots is None:
        return _asking({"client_roots": ListRootsRequest()})
    return result("Roots: " + ", ".join(str(root.uri) for root in roots))


async def test_input_required_result_request_state(ctx: Ctx) -> Answered:
    """Asks, and knows its state again."""
    if _given(ctx, "confirm", "ok") is None or ctx.request_state != "confirming":
        return _asking({"confirm": _form("Please confirm", "ok", "boolean")}, "confirming")
    return result("state-ok")


async def test_input_required_result_tampered_state(ctx: Ctx) -> Answered:
    """Asks, with a state that the SDK seals."""
    return await test_input_required_result_request_state(ctx)


async def test_input_required_result_multiple_inputs(ctx: Ctx) -> Answered:
    """Asks three things at once."""
    asked = {
        "user_name": _form("What is your name?", "name"),
        "greeting": CreateMessageRequest(params=sampling("Generate a greeting", 50)),
        "client_roots": ListRootsRequest(),
    }
    if not asked.keys() <= (ctx.input_responses or {}).keys():
        return _asking(asked, "three")
    return result("All three came.")


async def test_input_required_result_multi_round(ctx: Ctx) -> Answered:
    """Asks twice, one after the other."""
    if ctx.request_state == "second" and _given(ctx, "step2", "color") is not None:
        return result("Both came.")
    if ctx.request_state == "first" and _given(ctx, "step1", "name") is not None:
        return _asking({"step2": _form("Step 2: What is your favorite color?", "color")}, "second")
    return _asking({"step1": _form("Step 1: What is your name?", "name")}, "first")


async def test_input_required_result_capabilities(ctx: Ctx) -> Answered:
    """Asks only for what the client has."""
    has = ctx.client_capabilities
    asked: dict[str, Any] = {}
    if has is not None and has.sampling is not None:
        asked["greeting"] = CreateMessageRequest(params=sampling("Generate a greeting", 50))
    if has is not None and has.elicitation is not None:
        asked["user_name"] = _form("What is your name?", "name")
    return _asking(asked) if asked and not ctx.input_responses else result("Nothing to ask.")


async def test_streaming_elicitation(ctx: Ctx) -> Answered:
    """Asks after it has told of its progress."""
    await ctx.report_progress(1, 2)
    return await test_input_required_result_elicitation(ctx)


async def test_input_required_result_prompt(ctx: Ctx) -> str | InputRequiredResult:
    """A prompt that asks for its context."""
    context = _given(ctx, "user_context", "context")
    if not isinstance(context, str):
        return _asking({"user_context": _form("What context should the prompt use?", "context")})
    return f"Use this context: {context}"


TOOLS = (
    *(test_input_required_result_elicitation, test_input_required_result_sampling, test_streaming_elicitation),
    *(test_input_required_result_list_roots, test_input_required_result_request_state),
    *(test_input_required_result_tampered_state, test_input_required_result_multiple_inputs),
    *(test_input_required_result_multi_round, test_input_required_result_capabilities),
)
PROMPTS = (test_input_required_result_prompt,)
