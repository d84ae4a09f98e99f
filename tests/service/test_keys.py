"""API keys through the desk: what they may, whom they are known by, and that they never grow."""

import re
from pathlib import Path

import pytest

from postroom.model.errors import Forbidden, InvalidInput, NotFound, PermissionEscalation, Unauthenticated
from postroom.model.tenant import SYSTEM
from postroom.service.catalog import OPERATIONS
from postroom.service.operation import ANYONE
from postroom.service.tenants import PERMISSIONS
from tests.fakes.bed import Bed


async def test_a_key_is_known_by_its_secret_and_acts_in_its_organization(house: Bed) -> None:
    made = await house.call("keys.create", name="robot")
    actor = await house.house.actor(made.api_key)
    assert (actor.api_key_id, actor.reach) == (made.key.api_key_id, house.owner.reach)


@pytest.mark.parametrize(
    "change", [lambda k: k[:-1] + "~", lambda k: k[:11] + "x" * 40, lambda k: "", lambda k: "\0" * 40]
)
async def test_anything_but_the_whole_secret_is_unknown(house: Bed, change: object) -> None:
    assert callable(change)
    made = await house.call("keys.create")
    with pytest.raises(Unauthenticated):
        await house.house.actor(change(made.api_key))


async def test_two_keys_with_one_prefix_are_told_apart(house: Bed) -> None:
    first, second = await house.call("keys.create"), await house.call("keys.create")
    house_actor = await house.house.actor(second.api_key)
    assert house_actor.api_key_id == second.key.api_key_id != first.key.api_key_id


async def test_the_secret_of_a_key_is_nowhere_in_the_database(house: Bed) -> None:
    made = await house.call("keys.create", name="secretive")
    for file in house.home.glob("postroom.db*"):
        assert made.api_key.encode() not in file.read_bytes()


async def test_a_list_of_keys_shows_no_secret(house: Bed) -> None:
    made = await house.call("keys.create")
    listed = (await house.call("keys.list")).items
    assert made.key in listed
    assert made.api_key not in repr(listed)


async def test_a_deleted_key_stops_working_at_once(house: Bed) -> None:
    made = await house.call("keys.create")
    await house.call("keys.delete", api_key_id=made.key.api_key_id)
    with pytest.raises(Unauthenticated):
        await house.house.actor(made.api_key)


async def test_a_key_without_the_permission_is_forbidden_and_told_which(house: Bed) -> None:
    actor = await house.key(permissions=["inbox_read"])
    await house.call("inboxes.list", actor)
    with pytest.raises(Forbidden, match="inbox_create"):
        await house.inbox("agent", actor)


async def test_an_unknown_permission_is_refused(house: Bed) -> None:
    with pytest.raises(InvalidInput, match="message_reed"):
        await house.key(permissions=["message_reed"])


async def test_a_key_cannot_give_more_than_it_has(house: Bed) -> None:
    actor = await house.key(permissions=["api_key_create", "inbox_read"])
    await house.call("keys.create", actor, permissions=["inbox_read"])
    for wider in (None, ["message_send"]):
        with pytest.raises(PermissionEscalation):
            await house.call("keys.create", actor, permissions=wider)


async def test_who_was_let_in_by_a_key_that_is_gone_makes_no_other_and_widens_none(house: Bed) -> None:
    actor, other = await house.key(), await house.key(permissions=["inbox_read"])
    await house.call("keys.delete", api_key_id=actor.api_key_id)
    with pytest.raises(Unauthenticated):
        await house.call("keys.create", actor)
    with pytest.raises(Unauthenticated):
        await house.call("keys.update", actor, api_key_id=other.api_key_id, permissions=None)


async def test_who_was_let_in_by_a_key_that_lost_a_permission_gives_it_to_no_other(house: Bed) -> None:
    actor, other = await house.key(), await house.key(permissions=["inbox_read"])
    kept = ["api_key_create", "api_key_update", "inbox_read"]
    await house.call("keys.update", api_key_id=actor.api_key_id, permissions=kept)
    with pytest.raises(PermissionEscalation):
        await house.call("keys.create", actor, permissions=["message_send"])
    with pytest.raises(PermissionEscalation):
        await house.call("keys.update", actor, api_key_id=other.api_key_id, permissions=None)
    assert (await house.call("keys.create", actor, permissions=["inbox_read"])).key.permissions == {"inbox_read"}
    await house.call("keys.update", api_key_id=actor.api_key_id, permissions=["inbox_read"])
    with pytest.raises(Forbidden):
        await house.call("keys.create", actor, permissions=["inbox_read"])


async def test_a_key_made_by_a_key_of_one_inbox_is_confined_to_that_inbox(house: Bed) -> None:
    inbox = await house.inbox("agent")
    actor = await house.key(inbox_id=inbox.address)
    child = await house.key(actor)
    assert child.reach == actor.reach


async def test_a_key_of_one_inbox_makes_none_for_another(house: Bed) -> None:
    inbox, other = await house.inbox("agent"), await house.inbox("other")
    actor = await house.key(inbox_id=inbox.address)
    with pytest.raises(NotFound):
        await house.call("keys.create", actor, inbox_id=other.address)


async def test_a_key_of_one_inbox_sees_the_keys_of_that_inbox_alone(house: Bed) -> None:
    inbox = await house.inbox("agent")
    actor = await house.key(inbox_id=inbox.address)
    assert [key.api_key_id for key in (await house.call("keys.list", actor)).items] == [actor.api_key_id]


async def test_operations_of_the_local_owner_are_forbidden_to_every_key(house: Bed) -> None:
    for operation in OPERATIONS.values():
        if not operation.scope:
            with pytest.raises(Forbidden):
                await house.desk.call(operation.name, house.owner, {})


def test_every_scope_is_a_permission_that_a_key_can_have() -> None:
    assert {operation.scope for operation in OPERATIONS.values()} - {"", ANYONE} <= PERMISSIONS


def test_the_page_on_running_names_every_permission_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "running.md").read_text("utf-8")
    keys = page.partition("## Keys\n")[2].partition("`postroom organizations")[0]
    listed = re.findall(r"`([a-z_ ]+)`", "".join(re.findall(r"^- .*$", keys, re.M)))
    assert sorted(" ".join(listed).split()) == sorted(PERMISSIONS)


async def test_the_owner_key_is_minted_once(house: Bed) -> None:
    assert house.house.new_owner_key is not None
    assert await house.desk.call("tenants.start", SYSTEM, {"owner_key": "k" * 40}) is None
