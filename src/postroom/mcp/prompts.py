"""The prompts that a host offers its user: the files of `prompts/` whose front matter names arguments; and what is
wrong with a request for one.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import PromptArgument

from postroom.mcp.words import prompt_source, unknown

OFFERED = ("triage", "reply", "extract_code", "summarize_thread")
_FIELD = re.compile(r"^(\w+): *(.*)$", re.M)


def offered() -> list[Prompt]:
    """Return the prompts, each filled with its arguments when it is asked for."""
    return [_prompt(name) for name in OFFERED]


def wrong(name: str, given: Collection[str], known: Sequence[Prompt]) -> str | None:
    """Return what is wrong with a request for a prompt, in a sentence that says what is known; None: nothing."""
    prompts: Mapping[str, Prompt] = {prompt.name: prompt for prompt in known}
    if name not in prompts:
        return unknown("prompt", name, prompts)
    arguments = {argument.name: argument.required for argument in prompts[name].arguments or ()}
    for surplus in given:
        if surplus not in arguments:
            return unknown("argument", surplus, arguments) if arguments else f"The prompt {name} takes no argument."
    missing = [argument for argument, required in arguments.items() if required and argument not in given]
    return f"The prompt {name} needs {' and '.join(missing)}." if missing else None


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
