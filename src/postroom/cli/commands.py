"""The commands: those of the process (serve, mcp, demo, import) by hand, those over mail from the table."""

import argparse
import asyncio
import base64
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from postroom import __version__
from postroom.cli import show
from postroom.cli.local import call
from postroom.cli.problems import sentences
from postroom.cli.stdio import SUMMARY as STDIO
from postroom.cli.stdio import add_options as add_stdio_options
from postroom.model.errors import PostroomError
from postroom.service.catalog import OPERATIONS
from postroom.service.operation import BY_PLACE, Operation

# What names the object of a command comes by place, as in `postroom messages get INBOX MESSAGE`.
_BY_PLACE = (
    "inbox_id",
    "thread_id",
    "message_id",
    "attachment_id",
    "api_key_id",
    "pod_id",
    "name",
    "q",
    "approval_id",
    "claim_id",
    "handle",
)


def run(arguments: Sequence[str]) -> int:
    """Run a command; return the exit status: 0 done, 1 refused or failed, 2 not understood."""
    given = vars(_parser().parse_args(arguments))
    command = given.pop("command")
    try:
        return int(command(given))
    except (PostroomError, OSError, RuntimeError, ValueError) as error:
        for sentence in sentences(error):
            print(f"postroom: {sentence}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def offered() -> list[Operation]:
    """Return the operations that are commands; an agent's way of reading is a tool's alone."""
    return [o for o in OPERATIONS.values() if not o.internal and o.name not in ("messages.read", "threads.read")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="postroom", description="The mail server for software agents.")
    parser.add_argument("--version", action="version", version=f"postroom {__version__}")
    groups = parser.add_subparsers(required=True, metavar="COMMAND")
    _process_commands(groups)
    made: dict[str, Any] = {}
    for operation in offered():
        group, verb = operation.name.split(".")
        if group not in made:
            made[group] = groups.add_parser(group, help=f"work with {group}").add_subparsers(
                required=True, metavar="VERB"
            )
        _operation_command(
            made[group].add_parser(
                verb,
                aliases=["show"] if verb == "get" else [],
                help=operation.summary,
                description=operation.summary,
            ),
            operation,
        )
    return parser


def _process_commands(groups: Any) -> None:
    serve = _leaf(groups, "serve", "run the server: SMTP, HTTP and the workers")
    serve.add_argument("--json", action="store_true", help="print the start as one JSON line")
    serve.set_defaults(command=_serve)
    # Listed here for its help; `main` starts it without this table.
    add_stdio_options(_leaf(groups, "mcp", STDIO))
    demo = _leaf(groups, "demo", "watch two agents and an outside correspondent exchange real mail")
    demo.add_argument("--json", action="store_true", help="print each step as a JSON line")
    demo.set_defaults(command=_demo)
    imports = groups.add_parser("import", help="put mail from files or another server into inboxes").add_subparsers(
        required=True, metavar="FORMAT"
    )
    eml = _leaf(imports, "eml", "import messages, one a file, byte by byte as they are")
    eml.add_argument("files", nargs="+", type=Path)
    eml.add_argument("--inbox", required=True, help="the inbox that they go into")
    eml.add_argument("--json", action="store_true", help="print JSON")
    eml.set_defaults(command=_import_eml)
    _import_command(
        _leaf(imports, "agentmail", "move inboxes with their mail from an AgentMail account, or a Postroom")
    )
    database = groups.add_parser("db", help="look after the database").add_subparsers(required=True, metavar="VERB")
    check = _leaf(database, "check", "check that everything in the data folder fits together")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(command=_check_database)


def _import_command(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", required=True, help="an API key there; - reads it from stdin")
    parser.add_argument("--url", default="https://api.agentmail.to", help="the server, if it is another")
    parser.add_argument("--inbox", action="append", default=[], help="only this inbox; may be repeated")
    parser.add_argument("--into-domain", help="where inboxes go whose domain is not served here, under the same name")
    parser.add_argument("--dry-run", action="store_true", help="count what would be moved, write nothing")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.set_defaults(command=_import_agentmail)


def _leaf(groups: Any, name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = groups.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
    )
    return parser


def _operation_command(parser: argparse.ArgumentParser, operation: Operation) -> None:
    for name, field in operation.input.model_fields.items():
        flag = field.alias or name
        if name in _BY_PLACE and (field.is_required() or field.json_schema_extra is BY_PLACE):
            count = None if field.is_required() else "?"
            parser.add_argument(name, nargs=count, metavar=name.upper(), help=field.description)
        elif name == "attachments":
            parser.add_argument("--attach", dest="attachments", type=Path, action="append", help="a file to attach")
        else:
            _option(parser, flag, field)
    parser.add_argument("--json", action="store_true", help="print JSON")
    if operation.name in ("messages.raw", "messages.attachment"):
        parser.add_argument("--output", type=Path, help="write the bytes to this file instead of stdout")
    parser.set_defaults(command=lambda given: _operate(operation, given))


def _option(parser: argparse.ArgumentParser, flag: str, field: FieldInfo) -> None:
    option = f"--{flag.replace('_', '-')}"
    kind = str(field.annotation)
    common: dict[str, Any] = {"dest": flag, "help": (field.description or "").replace("%", "%%")}
    if field.annotation is bool:
        parser.add_argument(option, action="store_true", **common)
    elif "tuple" in kind or "frozenset" in kind:
        parser.add_argument(option, action="append", metavar="VALUE", **common)
    elif "dict" in kind:
        parser.add_argument(option, type=json.loads, metavar="JSON", **common)
    else:
        parser.add_argument(option, required=field.is_required(), metavar="VALUE", **common)


def _operate(operation: Operation, given: dict[str, Any]) -> int:
    as_json, output = given.pop("json"), given.pop("output", None)
    present = {name: value for name, value in given.items() if value not in (None, False)}
    if "attachments" in present:
        present["attachments"] = [_attached(path) for path in present["attachments"]]
    result = asyncio.run(call(operation, present))
    show.result(result, as_json=as_json, output=output)
    return 0


def _attached(path: Path) -> dict[str, str]:
    import mimetypes

    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return {"filename": path.name, "content_type": kind, "content": base64.b64encode(path.read_bytes()).decode()}


def _serve(given: dict[str, Any]) -> int:
    from postroom.cli.daemon import serve
    from postroom.cli.stdio import run_loop

    return run_loop(serve(as_json=given["json"]))


def _demo(given: dict[str, Any]) -> int:
    from postroom.cli.demo import demo

    return asyncio.run(demo(as_json=given["json"]))


def _import_eml(given: dict[str, Any]) -> int:
    from postroom.cli.importing import import_files

    return asyncio.run(import_files(given["files"], given["inbox"], as_json=given["json"]))


def _import_agentmail(given: dict[str, Any]) -> int:
    from postroom.cli.moving import Request, import_account

    key = sys.stdin.readline().strip() if given["key"] == "-" else given["key"]
    request = Request(inboxes=tuple(given["inbox"]), into_domain=given["into_domain"], dry_run=given["dry_run"])
    return asyncio.run(import_account(given["url"], key, request, as_json=given["json"]))


def _check_database(given: dict[str, Any]) -> int:
    from postroom.config import Settings
    from postroom.store.invariants import check

    home = Settings().home
    violations = asyncio.run(check(home / "postroom.db", home / "blobs"))
    if given["json"]:
        print(json.dumps({"ok": not violations, "violations": violations}))
    else:
        print("\n".join(violations) or "ok")
    return 1 if violations else 0
