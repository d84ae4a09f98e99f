"""The tools, resources and prompts that the conformance suites call by name, on a server of the SDK.

Each does what the description of its scenario says (`conformance list --server`); nothing of it is shipped.
"""

import asyncio
import base64
import json
import struct
import zlib
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import Message, UserMessage
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CallToolResult,
    CreateMessageRequestParams,
    EmbeddedResource,
    ImageContent,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel, Field

Ctx = Context[Any, Any]
PAUSE_S = 0.05


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\x00\xff\x00\x00"))
    + _chunk(b"IEND", b"")
)
WAV = b"RIFF" + struct.pack("<I", 38) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
WAV += b"data" + struct.pack("<I", 2) + b"\x80\x80"
IMAGE = ImageContent(type="image", data=base64.b64encode(PNG).decode(), mime_type="image/png")
AUDIO = AudioContent(type="audio", data=base64.b64encode(WAV).decode(), mime_type="audio/wav")


def result(*content: Any) -> CallToolResult:
    """Return a result; a string stands for its text."""
    return CallToolResult(content=[TextContent(type="text", text=c) if isinstance(c, str) else c for c in content])


def embedded(uri: str, text: str, mime_type: str = "text/plain") -> EmbeddedResource:
    """Return a resource within a result or a prompt."""
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


# --- tools that answer


def test_simple_text() -> CallToolResult:
    """Answers with a text."""
    return result("This is a simple text response for testing.")


def test_image_content() -> CallToolResult:
    """Answers with an image."""
    return result(IMAGE)


def test_audio_content() -> CallToolResult:
    """Answers with a sound."""
    return result(AUDIO)


def test_embedded_resource() -> CallToolResult:
    """Answers with a resource."""
    return result(embedded("test://embedded-resource", "This is an embedded resource content."))


def test_multiple_content_types() -> CallToolResult:
    """Answers with three kinds of content."""
    mixed = json.dumps({"test": "data", "value": 123})
    resource = embedded("test://mixed-content-resource", mixed, "application/json")
    return result("Multiple content types test:", IMAGE, resource)


def test_error_handling() -> CallToolResult:
    """Always fails."""
    said = result("This tool intentionally returns an error for testing")
    return said.model_copy(update={"is_error": True})


def json_schema_2020_12_tool() -> CallToolResult:
    """Has a schema of many words, which RICH_SCHEMA puts in its place."""
    return result("Fine.")


RICH_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def test_custom_header_tool(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})],
) -> CallToolResult:
    """Takes an argument that a client repeats in a header."""
    return result(f"Region: {region}")


# --- tools that say something before they answer


async def test_tool_with_logging(ctx: Ctx) -> CallToolResult:
    """Logs three lines on its way."""
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.session.send_log_message("info", said, related_request_id=ctx.request_id)
        await asyncio.sleep(PAUSE_S)
    return result("Logged.")


async def test_logging_tool(ctx: Ctx) -> CallToolResult:
    """Logs one line on its way."""
    await ctx.session.send_log_message("info", "A line of the log", related_request_id=ctx.request_id)
    return result("Logged.")


async def test_tool_with_progress(ctx: Ctx) -> CallToolResult:
    """Tells of its progress three times."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100)
        await asyncio.sleep(PAUSE_S)
    return result("Done.")


async def test_reconnection(ctx: Ctx) -> CallToolResult:
    """Takes its time, as what a client would come back for."""
    await asyncio.sleep(PAUSE_S)
    return result("Reconnected.")


async def test_sampling(prompt: str, ctx: Ctx) -> CallToolResult:
    """Asks the client's model."""
    asked = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    answer = await ctx.session.create_message([asked], max_tokens=100, related_request_id=ctx.request_id)
    return result(f"LLM response: {getattr(answer.content, 'text', '')}")


class Person(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


async def test_elicitation(message: str, ctx: Ctx) -> CallToolResult:
    """Asks the person."""
    return result(f"User response: {await _asked(ctx, message, Person.model_json_schema())}")


async def _asked(ctx: Ctx, message: str, schema: dict[str, Any]) -> str:
    answer = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
    return f"action={answer.action}, content={json.dumps(answer.content)}"


DEFAULTS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
}


async def test_elicitation_sep1034_defaults(ctx: Ctx) -> CallToolResult:
    """Asks the person, with a default for each kind of field."""
    return result(f"Elicitation completed: {await _asked(ctx, 'Please look these over', DEFAULTS)}")


def _titled(name: str, *titles: str) -> list[dict[str, str]]:
    return [{"const": f"{name}{n}", "title": title} for n, title in enumerate(titles, 1)]


OPTIONS = ["option1", "option2", "option3"]
ENUMS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": OPTIONS},
        "titledSingle": {"type": "string", "oneOf": _titled("value", "First Option", "Second Option", "Third Option")},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
        "titledMulti": {
            "type": "array",
            "items": {"anyOf": _titled("value", "First Choice", "Second Choice", "Third Choice")},
        },
    },
}


async def test_elicitation_sep1330_enums(ctx: Ctx) -> CallToolResult:
    """Asks the person to choose, in the five ways there are."""
    return result(f"Elicitation completed: {await _asked(ctx, 'Please choose', ENUMS)}")


async def test_missing_capability(ctx: Ctx) -> CallToolResult:
    """Needs a client that has a model to ask."""
    if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="This tool asks the client's model.",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return result("The client has a model.")


async def test_trigger_tool_change(ctx: Ctx) -> CallToolResult:
    """Says that the list of tools is another."""
    await ctx.notify_tools_changed()
    return result("Told.")


async def test_trigger_prompt_change(ctx: Ctx) -> CallToolResult:
    """Says that the list of prompts is another."""
    await ctx.notify_prompts_changed()
    return result("Told.")


TOOLS = (
    *(test_simple_text, test_image_content, test_audio_content, test_embedded_resource, test_multiple_content_types),
    *(test_error_handling, json_schema_2020_12_tool, test_custom_header_tool, test_tool_with_logging),
    *(test_logging_tool, test_tool_with_progress, test_reconnection, test_sampling, test_elicitation),
    *(test_elicitation_sep1034_defaults, test_elicitation_sep1330_enums, test_missing_capability),
    *(test_trigger_tool_change, test_trigger_prompt_change),
)


def sampling(question: str, most: int) -> CreateMessageRequestParams:
    """Return what asks the client's model a question."""
    asked = SamplingMessage(role="user", content=TextContent(type="text", text=question))
    return CreateMessageRequestParams(messages=[asked], max_tokens=most)


# --- prompts and resources


def test_simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:
    """A prompt with a resource in it."""
    resource = embedded(resourceUri, "Embedded resource content for testing.")
    return [UserMessage(resource), UserMessage("Please process the embedded resource above.")]


def test_prompt_with_image() -> list[Message]:
    """A prompt with an image in it."""
    return [UserMessage(IMAGE), UserMessage("Please analyze the image above.")]


PROMPTS = (test_simple_prompt, test_prompt_with_arguments, test_prompt_with_embedded_resource, test_prompt_with_image)


def static_text() -> str:
    """A text that stays."""
    return "This is the content of the static text resource."


def static_binary() -> bytes:
    """Bytes that stay."""
    return PNG


def watched() -> str:
    """What is subscribed to."""
    return "Watched."


def template(id: str) -> str:
    """A text made of its address."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def add_resources(server: MCPServer[Any]) -> None:
    """Add the resources of the suites."""
    server.resource("test://static-text", mime_type="text/plain")(static_text)
    server.resource("test://static-binary", mime_type="image/png")(static_binary)
    server.resource("test://watched-resource", mime_type="text/plain")(watched)
    server.resource("test://template/{id}/data", mime_type="application/json")(template)
