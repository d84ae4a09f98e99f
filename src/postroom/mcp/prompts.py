"""The prompts that a host offers its user: the files of `prompts/` whose front matter names arguments."""

import re
from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import PromptArgument

from postroom.mcp.words import prompt_source

OFFERED = ("triage", "reply", "extract_code", "summarize_thread")
_FIELD = re.compile(r"^(\w+): *(.*)$", re.M)


def offered() -> list[Prompt]:
    """Return the prompts, each filled with its arguments when it is asked for."""
    return [_prompt(name) for name in OFFERED]


def _prompt(name: str) -> Prompt:
    front, text = prompt_source(f"{name}.md")
    fields = dict(_FIELD.findall(front))
    arguments = [a.strip() for a in fields["arguments"].split(",")]
    return Prompt(
        name=fields["name"],
        title=fields["name"].capitalize().replace("_", " "),
        description=fields["description"],
        arguments=[PromptArgument(name=a, description=None, required=True) for a in arguments],
        fn=_filled(text, arguments),
    )


def _filled(text: str, arguments: list[str]) -> Callable[..., str]:
    def fill(**given: Any) -> str:
        filled = text
        for argument in arguments:
            filled = filled.replace("{" + argument + "}", str(given[argument]))
        return filled

    return fill
