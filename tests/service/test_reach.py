"""Reach: whatever a key of another organization or of another inbox asks, by whatever operation, it hears what it
would hear if the thing were not there, and learns and changes nothing.
"""

from typing import Any

import pytest

from postroom.model.errors import NotFound, PostroomError
from postroom.model.message import Incoming
from postroom.model.tenant import Actor
from postroom.service.catalog import OPERATIONS
from postroom.service.operation import BY_PLACE
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"
ABSENT = f"absent@{DOMAIN}"
SECRET = "Xylophone"
_SUBMITTED = Incoming(envelope_from="", recipients=("eve@example.com",), content=b"", spool=None, size=0, sha256="")
_TICKET = {
    **dict.fromkeys(("id", "browser", "client_id", "name", "challenge"), "t"),
    **{"until": 2**41, "issuer": "https://x.test", "redirect_uri": "https://y.test", "state": None, "scope": ()},
}
# What an operation needs besides the inbox, by operation; those without an inbox are below.
_MORE: dict[str, dict[str, Any]] = {
    "attachments.upload": {"pieces": None},
    "attachments.add": {"filename": None, "content_type": "a/b", "size": 1, "sha256": "", "content": b"a"},
    "inboxes.update": {"display_name": "Mine now"},
    "messages.search": {"q": SECRET},
    "messages.search_introduced": {"q": SECRET},
    "messages.senders": {"ids": ()},
    "messages.update": {"add_labels": "mine"},
    "messages.batch_get": {"message_ids": ["<a@b>"]},
    "messages.batch_update": {"message_ids": ["<a@b>"], "add_labels": "mine"},
    "labels.create": {"label": "mine"},
    "labels.delete": {"label": "mine"},
    "labels.delete_some": {"label": "mine"},
    "messages.send_batch": {"messages": [{"to": "eve@example.com", "text": "t"}]},
    "threads.search": {"q": SECRET},
    "threads.search_introduced": {"q": SECRET},
    "threads.update": {"add_labels": ["mine"]},
    "messages.send": {"to": "eve@example.com", "text": "t"},
    "messages.reply": {"text": "t"},
    "messages.forward": {"to": "eve@example.com"},
    "messages.since": {"after": 0},
    "messages.submit": {"incoming": _SUBMITTED},
    "threads.outline": {"portion": 1000},
    "messages.keep_text": {"sha256": "0" * 64, "found": {"text": "t"}},
    "oauth.allow": {"ticket": _TICKET, "toolsets": ("core",), "code": b"c"},
    "idempotency.claim": {"key": "k", "request": "r", "owner": "o"},
}
_OF_AN_INBOX = sorted(
    name
    for name, operation in OPERATIONS.items()
    if operation.scope
    and (inbox := operation.input.model_fields.get("inbox_id")) is not None
    and (inbox.is_required() or inbox.json_schema_extra is BY_PLACE)
)


async def _victim(house: Bed) -> dict[str, str]:
    """Make an inbox with a secret in it; return what names its things."""
    inbox = await house.inbox("agent", display_name=SECRET, client_id="known")
    message = await house.receive(mail(subject=SECRET, text=SECRET, files={"a.bin": b"a"}))
    await house.indexed()
    return {
        "inbox_id": inbox.address,
        "inner": inbox.inbox_id,
        "message_id": message.message_id,
        "thread_id": message.thread_id,
        "attachment_id": message.attachments[0].attachment_id,
    }


async def _intruder(house: Bed, kind: str) -> Actor:
    if kind == "another organization":
        return await house.stranger()
    if kind == "a key of an inbox of another organization":
        stranger = await house.stranger()
        inbox = await house.inbox("eve", stranger)
        return await house.key(stranger, inbox_id=inbox.address)
    inbox = await house.inbox("eve")
    return await house.key(inbox_id=inbox.address)


def _given(operation: str, names: dict[str, str]) -> dict[str, Any]:
    fields = OPERATIONS[operation].input.model_fields
    return {name: value for name, value in names.items() if name in fields} | _MORE.get(operation, {})


async def _heard(house: Bed, operation: str, actor: Actor, given: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(PostroomError) as caught:
        await house.desk.call(operation, actor, given)
    return type(caught.value).__name__, str(caught.value)


def _state(house: Bed) -> list[Any]:
    tables = ("inbox", "message", "message_label", "thread", "delivery", "event", "api_key", "purge")
    return [house.rows(f"SELECT * FROM {table}") for table in tables]


INTRUDERS = ("another organization", "a key of an inbox of another organization", "a key of another inbox")


@pytest.mark.parametrize("intruder", INTRUDERS)
async def test_no_operation_on_an_inbox_tells_an_intruder_that_it_exists(house: Bed, intruder: str) -> None:
    names = await _victim(house)
    actor = await _intruder(house, intruder)
    before = _state(house)
    for operation in _OF_AN_INBOX:
        for inbox in (names["inbox_id"], names["inner"]):
            here = await _heard(house, operation, actor, _given(operation, names | {"inbox_id": inbox}))
            gone = await _heard(house, operation, actor, _given(operation, names | {"inbox_id": ABSENT}))
            assert here[0] == "NotFound", operation
            assert here[1].replace(inbox, "?") == gone[1].replace(ABSENT, "?"), operation
    assert _state(house) == before


@pytest.mark.parametrize("intruder", INTRUDERS)
@pytest.mark.parametrize("field", ["message_id", "thread_id", "attachment_id"])
async def test_an_id_of_anothers_is_absent_in_ones_own_inbox(house: Bed, intruder: str, field: str) -> None:
    names = await _victim(house)
    actor = await _intruder(house, intruder)
    if intruder == INTRUDERS[0]:
        await house.inbox("eve", actor)
    await house.take(mail(), f"eve@{DOMAIN}")
    (own,) = (await house.call("messages.list", actor, inbox_id=f"eve@{DOMAIN}")).items
    mine = {"inbox_id": f"eve@{DOMAIN}", "message_id": own.id, "thread_id": own.thread_id, "attachment_id": "att_0"}
    inner = house.rows("SELECT id FROM message WHERE subject = ?", SECRET)[0][0]
    for operation in _OF_AN_INBOX:
        if field not in OPERATIONS[operation].input.model_fields:
            continue
        for value in (names[field], inner):
            with pytest.raises(NotFound):
                await house.desk.call(operation, actor, _given(operation, mine | {field: value}))


@pytest.mark.parametrize("intruder", INTRUDERS)
async def test_lists_show_an_intruder_nothing_of_others(house: Bed, intruder: str) -> None:
    await _victim(house)
    actor = await _intruder(house, intruder)
    shown = repr(await house.call("inboxes.list", actor)) + repr(await house.call("keys.list", actor))
    assert SECRET not in shown
    assert AGENT not in shown


@pytest.mark.parametrize("intruder", INTRUDERS)
async def test_a_key_of_others_cannot_be_deleted(house: Bed, intruder: str) -> None:
    victim = await house.key()
    actor = await _intruder(house, intruder)
    here = await _heard(house, "keys.delete", actor, {"api_key_id": victim.api_key_id})
    gone = await _heard(house, "keys.delete", actor, {"api_key_id": "key_absent"})
    assert here[1].replace(str(victim.api_key_id), "?") == gone[1].replace("key_absent", "?")
    assert len(house.rows("SELECT 1 FROM api_key WHERE id = ?", victim.api_key_id)) == 1


async def test_a_client_id_of_another_organization_gives_an_inbox_of_ones_own(house: Bed) -> None:
    names = await _victim(house)
    stranger = await house.stranger()
    made = await house.call("inboxes.create", stranger, client_id="known")
    assert made.inbox_id != names["inner"]
    assert made.org_id == stranger.reach.org_id


async def test_a_departure_from_anothers_inbox_cannot_be_committed(house: Bed) -> None:
    names = await _victim(house)
    stranger = await house.stranger()
    mine = await house.inbox("eve", stranger)
    inbox = await house.call("inboxes.get", inbox_id=names["inbox_id"])
    caught: list[Any] = []

    async def keep(*_given: Any, **_more: Any) -> Any:
        caught.append(_given[2])
        raise PostroomError("kept")

    ask, house.desk.ask = house.desk.ask, keep  # type: ignore[method-assign]
    house.desk.ask = lambda name, *rest: (keep if name == "messages.commit" else ask)(name, *rest)  # type: ignore[method-assign]
    with pytest.raises(PostroomError, match="kept"):
        await house.call("messages.send", stranger, inbox_id=mine.address, to="a@example.com", text="t")
    house.desk.ask = ask  # type: ignore[method-assign]
    forged = caught[0].model_copy(update={"inbox": inbox})
    with pytest.raises(NotFound):
        await house.desk.call("messages.commit", stranger, forged)
    with pytest.raises(NotFound):
        await house.desk.call("messages.commit_batch", stranger, {"departures": [forged]})


def test_every_operation_on_messages_is_looked_at_here() -> None:
    messages = {name for name, operation in OPERATIONS.items() if operation.scope.startswith("message_")}
    elsewhere = {"messages.commit", "messages.commit_batch", "messages.label_each", "messages.delete_each"}
    assert {name for name in messages if name.startswith("messages.")} - elsewhere <= set(_OF_AN_INBOX)


@pytest.mark.parametrize("intruder", INTRUDERS)
async def test_a_message_of_anothers_is_absent_where_only_its_own_id_is_asked_for(house: Bed, intruder: str) -> None:
    names = await _victim(house)
    message = await house.message(names["inbox_id"], names["message_id"])
    actor = await _intruder(house, intruder)
    before = _state(house)
    for operation, more in (("label_each", {"add_labels": "mine"}), ("delete_each", {}), ("locate", {})):
        name = f"messages.{operation}"
        here = await _heard(house, name, actor, {"message_ids": [message.id], **more})
        gone = await _heard(house, name, actor, {"message_ids": [f"msg_{'0' * 26}"], **more})
        assert here[0] == gone[0] == "NotFound"
    taken_back = await _heard(house, "drafts.cancel", actor, {"message_id": message.id})
    assert taken_back[0] == "NotFound"
    assert _state(house) == before
