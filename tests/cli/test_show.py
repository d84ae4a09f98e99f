"""What a person reads in the terminal of a message that waits for an answer: all of it, and nothing that acts."""

from typing import Any

import pytest

from postroom.cli import show
from postroom.model.inventory import Inventory, WirePart
from postroom.model.policy import ApprovalInFull


def test_a_message_that_waits_is_shown_field_by_field_and_part_by_part(capsys: pytest.CaptureFixture[str]) -> None:
    text = WirePart(content_type="text/plain", filename=None, disposition=None, size=9, head="", text="a\x1b[2Jb\nc")
    file = WirePart(content_type="image/png", filename="a.png", disposition="inline", size=9, head="X: y", text=None)
    header = (("To", "a@example.com"), ("X-Note", "words, more \u202ewords"))
    message = Inventory(size=99, header=header, parts=(text, file), outside="behind")
    fields: dict[str, Any] = dict.fromkeys(ApprovalInFull.model_fields)
    show.result(ApprovalInFull.model_construct(**fields | {"on_the_wire": message}), as_json=False)
    told = capsys.readouterr().out
    shown = ("    X-Note: words, more words", "    text: a[2Jb\nc", "    filename: a.png", "    head: X: y")
    for line in shown:
        assert f"{line}\n" in told
    assert "  outside: behind\n" in told
    assert "\x1b" not in told
