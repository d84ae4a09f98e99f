"""The commands over mail: what a person sees, what a program reads, and what is refused."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from postroom import __version__
from postroom.cli import commands as cli_commands
from postroom.cli.commands import offered, run
from tests.processes.running import environment, furnish

BOX = "agent@postroom.localhost"
Run = Callable[..., Any]
BROKEN = {
    "bare-lf": b"From: a@example.com\nSubject: lines\n\nbody\nwith LF\n",
    "bare-cr": b"From: a@example.com\r\nSubject: lone\r\n\r\none\rtwo\r\n",
    "nul": b"From: a@example.com\r\nSubject: nul\r\n\r\n\x00\xff\r\n",
    "mixed": b"From: a@example.com\nSubject: mixed\r\n\r\none\ntwo\rthree\r\n.\r\n..x",
    "large": b"From: a@example.com\nSubject: large\n\n" + b"x" * 100_000,
}


@pytest.fixture
def cli(home: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run a command in this process; return what it printed, read as JSON where it was asked for."""
    monkeypatch.setenv("POSTROOM_HOME", str(furnish(home, migrated)))
    monkeypatch.delenv("POSTROOM_API_KEY", raising=False)

    def command(*arguments: str | Path, status: int = 0) -> Any:
        assert run([str(a) for a in arguments]) == status
        out, errors = capsysbinary.readouterr()
        assert b"Traceback" not in errors
        if status:
            assert errors.startswith(b"postroom: ") or not errors
            return errors.decode()
        return json.loads(out) if "--json" in arguments else out

    return command


@pytest.fixture
def message(cli: Run) -> dict[str, Any]:
    """A message in BOX with an attachment, sent from there."""
    cli("inboxes", "create", "--username", "agent")
    page = cli("messages", "list", BOX, "--json")
    assert page == {"items": [], "next_page_token": None}
    file = Path(__file__)
    cli("messages", "send", BOX, "--to", BOX, "--subject", "Greetings", "--text", "Hello", "--attach", file)
    found: dict[str, Any] = cli("messages", "list", BOX, "--labels", "received", "--json")["items"][0]
    return found


def test_the_version_and_help_are_there_for_every_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_commands, "_parser", cache(cli_commands._parser))  # it takes 0.1 s to make
    with pytest.raises(SystemExit, match="0"):
        run(["--version"])
    assert capsys.readouterr().out == f"postroom {__version__}\n"
    commands = [
        [],
        ["serve"],
        ["mcp"],
        ["demo"],
        ["import"],
        ["import", "eml"],
        ["import", "agentmail"],
        ["db", "check"],
    ]
    commands += [operation.name.split(".") for operation in offered()]
    for command in commands:
        with pytest.raises(SystemExit, match="0"):
            run([*command, "--help"])
        assert "usage: postroom" in capsys.readouterr().out


def test_the_script_of_a_process_prints_help(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "postroom", "mcp", "--help"]
    done = subprocess.run(command, env=environment(tmp_path / "x"), capture_output=True, timeout=20, check=True)
    assert b"stdio" in done.stdout
    assert not (tmp_path / "x").exists()


def test_inboxes_are_made_changed_shown_and_deleted(cli: Run) -> None:
    made = cli(
        "inboxes", "create", "--username", "agent", "--display-name", "Agent", "--metadata", '{"a": 1}', "--json"
    )
    assert (made["address"], made["metadata"]) == (BOX, {"a": 1})
    assert b"address: agent@postroom.localhost" in cli("inboxes", "get", BOX)
    assert cli("inboxes", "update", BOX, "--display-name", "Other", "--json")["display_name"] == "Other"
    assert b"1 in all" in cli("inboxes", "list")
    cli("inboxes", "delete", BOX)
    assert cli("inboxes", "list", "--json")["items"] == []
    assert "No inbox" in cli("inboxes", "get", BOX, status=1)


def test_messages_are_read_answered_labelled_searched_and_forwarded(cli: Run, message: dict[str, Any]) -> None:
    ref = (BOX, message["message_id"])
    assert cli("messages", "get", *ref, "--json")["message"]["text"].strip() == "Hello"
    assert b"subject: Greetings" in cli("messages", "get", *ref)
    assert cli("messages", "update", *ref, "--remove-labels", "unread", "--json")["labels"] == ["received"]
    replied = cli("messages", "reply", *ref, "--to", "bob@example.com", "--text", "Thanks", "--json")
    assert replied["thread_id"] == message["thread_id"]
    assert cli("messages", "forward", *ref, "--to", "bob@example.com", "--json")["captured"] == ["bob@example.com"]
    assert cli("messages", "search", BOX, "greetings", "--json")["items"]
    thread = cli("threads", "list", BOX, "--json")["items"][0]["thread_id"]
    assert len(cli("threads", "get", BOX, thread, "--json")["messages"]) >= 2
    assert thread.encode() in cli("threads", "list", BOX)


def test_raw_and_attachment_are_bytes_on_stdout_and_in_a_file(
    cli: Run, message: dict[str, Any], tmp_path: Path
) -> None:
    ref = (BOX, message["message_id"])
    raw = cli("messages", "raw", *ref)
    assert b"Subject: Greetings\r\n" in raw
    assert b"bytes in" in cli("messages", "raw", *ref, "--output", tmp_path / "m.eml")
    assert (tmp_path / "m.eml").read_bytes() == raw
    attachment = (*ref, message["attachments"][0]["attachment_id"])
    assert cli("messages", "attachment", *attachment) == Path(__file__).read_bytes()
    cli("messages", "attachment", *attachment, "--output", tmp_path / "a.py")
    assert (tmp_path / "a.py").read_bytes() == Path(__file__).read_bytes()
    assert attachment[-1] in cli("messages", "attachment", *ref, "att_x", status=1)


def test_bytes_are_base64_where_json_is_asked_for(cli: Run, message: dict[str, Any]) -> None:
    ref = (BOX, message["message_id"])
    shown = cli("messages", "attachment", *ref, message["attachments"][0]["attachment_id"], "--json")
    assert base64.b64decode(shown["content"]) == Path(__file__).read_bytes()
    assert b"Subject: Greetings\r\n" in base64.b64decode(cli("messages", "raw", *ref, "--json")["content"])


@pytest.mark.parametrize("name", BROKEN)
def test_an_imported_file_is_kept_byte_by_byte_and_once(cli: Run, tmp_path: Path, name: str) -> None:
    file = tmp_path / f"{name}.eml"
    file.write_bytes(BROKEN[name])
    cli("inboxes", "create", "--username", "agent")
    assert cli("import", "eml", file, "--inbox", BOX, "--json")["status"] == "imported"
    assert b"duplicate" in cli("import", "eml", file, "--inbox", BOX)
    item = cli("messages", "list", BOX, "--json")["items"][0]
    assert item["tainted"] is False
    assert cli("messages", "raw", BOX, item["message_id"]) == BROKEN[name]


def test_an_import_that_fails_says_which_file_and_goes_on(cli: Run, tmp_path: Path) -> None:
    good = tmp_path / "good.eml"
    good.write_bytes(BROKEN["nul"])
    cli("inboxes", "create", "--username", "agent")
    assert "none.eml" in cli("import", "eml", tmp_path / "none.eml", good, "--inbox", BOX, status=1)
    assert len(cli("messages", "list", BOX, "--json")["items"]) == 1
    assert "No inbox" in cli("import", "eml", good, "--inbox", "nobody@postroom.localhost", status=1)


def test_another_organization_has_its_own_owner_who_sees_nothing_of_the_first(
    cli: Run, message: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = cli("organizations", "create", "other", "--json")
    assert len(cli("organizations", "list", "--json")) == 2
    monkeypatch.setenv("POSTROOM_API_KEY", other["api_key"])
    assert cli("inboxes", "list", "--json")["items"] == []
    assert len(cli("keys", "list", "--json")["items"]) == 1
    missing = cli("messages", "get", "nobody@postroom.localhost", "x", status=1)
    found = cli("messages", "get", BOX, message["message_id"], status=1)
    assert found == missing.replace("nobody@postroom.localhost", BOX)
    assert "local owner" in cli("organizations", "list", status=1)


def test_keys_are_made_listed_without_their_secret_and_deleted(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = cli("keys", "create", "--name", "reader", "--permissions", "inbox_read", "--json")
    listed = cli("keys", "list", "--json")["items"]
    assert [key["name"] for key in listed] == ["reader", "owner"]
    assert made["api_key"] not in json.dumps(listed)
    assert "POSTROOM" not in cli("keys", "create", "--permissions", "everything", status=1)
    with monkeypatch.context() as patch:
        patch.setenv("POSTROOM_API_KEY", made["api_key"])
        cli("inboxes", "list")
        assert "inbox_create" in cli("inboxes", "create", status=1)
    cli("keys", "delete", made["key"]["api_key_id"])
    monkeypatch.setenv("POSTROOM_API_KEY", made["api_key"])
    assert "not known" in cli("inboxes", "list", status=1)


def test_what_a_hostile_mail_says_cannot_steer_the_terminal(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "hostile.eml"
    file.write_bytes(
        b"From: =?utf-8?q?=1B]0;x=07?= <a@example.com>\r\nSubject: =?utf-8?b?GxsbWzJK4oCuIHBheQ==?=\r\n\r\n\x1b[2Jx\r\n"
    )
    cli("inboxes", "create", "--username", "agent")
    cli("import", "eml", file, "--inbox", BOX)
    listed = cli("messages", "list", BOX)
    item = cli("messages", "list", BOX, "--json")["items"][0]
    for shown in (listed, cli("messages", "get", BOX, item["message_id"]), cli("threads", "list", BOX)):
        assert b"pay" in shown
        assert b"\x1b" not in shown
        assert b"\x07" not in shown
        assert "\u202e".encode() not in shown


def test_a_setting_that_cannot_be_is_a_sentence(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTROOM_SMTP", "here")
    assert cli("inboxes", "list", status=1).startswith("postroom: POSTROOM_SMTP: 'here' is not host:port")


def test_a_file_that_is_not_there_is_a_sentence(cli: Run) -> None:
    cli("inboxes", "create", "--username", "agent")
    said = cli("messages", "send", BOX, "--to", BOX, "--attach", "/nowhere/at/all", status=1)
    assert "/nowhere/at/all" in said


def test_what_is_not_understood_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["inbox", "list"], ["inboxes", "create", "--metadata", "{"], ["inboxes", "get"]):
        with pytest.raises(SystemExit, match="2"):
            run(command)
        assert "usage: postroom" in capsys.readouterr().err
