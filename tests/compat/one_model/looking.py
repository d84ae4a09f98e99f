"""Holds what all four faces list against the world."""

from collections.abc import Sequence
from typing import Any

from tests.compat.one_model.email_face import EmailFace
from tests.compat.one_model.face import Face, Listed
from tests.compat.one_model.stage import Stage
from tests.compat.one_model.world import Box, Letter, Shown

WHOLE = 100  # items of a page that holds any list here


async def look(stage: Stage, size: int = WHOLE, touched: Sequence[Letter] = ()) -> None:
    """Compare everything that is listed, in pages of `size`, and the messages that were touched one by one.

    Raises:
        AssertionError: a face tells something else than the world is.
    """
    for face in stage.faces:
        await _look_by(stage, face, size)
    await _look_at_counts(stage)
    for letter in touched:
        for face in stage.faces:
            await _look_at(stage, face, letter)
    for box in {letter.box for letter in touched if not letter.box.is_trashed and letter.box in stage.world.boxes}:
        await _look_at_filters(stage, box, size)


async def _look_by(stage: Stage, face: Face, size: int) -> None:
    world = stage.world
    boxes = [{"id": box.id, "address": box.address, "name": box.name} for box in reversed(world.live)]
    _hold(f"inboxes by {face.name}", await face.boxes(size), boxes)
    for box in world.live:
        letters = [letter.shown() for letter in world.listed(box) if face.lists(letter)]
        _hold(f"messages of {box.address} by {face.name}", await face.letters(box, size), letters)
        _hold(f"threads of {box.address} by {face.name}", await face.threads(box, size), world.threads_of(box))
        if isinstance(face, EmailFace):
            assert await face.labels(box) == world.labels(box), f"labels of {box.address}"
        mine = [hook.shown() for hook in reversed(world.hooks) if hook.box is box]
        _hold(f"webhooks of {box.address} by {face.name}", await face.hooks_of(box, size), mine)
    _hold(f"threads by {face.name}", await face.all_threads(size), world.threads_of(*world.live))
    _hold(f"webhooks by {face.name}", await face.hooks(size), [hook.shown() for hook in reversed(world.hooks)])
    _hold(f"keys by {face.name}", await face.keys(size), [key.shown() for key in reversed(world.open_keys)])
    _hold(f"domains by {face.name}", await face.sites(size), [site.shown() for site in reversed(world.sites)])
    drafts = sorted(world.open_drafts, key=lambda draft: (draft.changed_at, draft.id), reverse=True)
    _hold(f"drafts by {face.name}", await face.drafts(size), [draft.shown() for draft in drafts])


def _hold(what: str, listed: Listed | None, expected: list[Shown]) -> None:
    """Hold a list against what is to be there, in the fields that the face shows."""
    if listed is None:
        return
    wanted = [{name: one[name] for name in shown} for one, shown in zip(expected, listed.items, strict=False)]
    differ = [(w, s) for w, s in zip(wanted, listed.items, strict=False) if w != s]
    told = [{name: (w[name], s[name]) for name in s if w[name] != s[name]} for w, s in differ]
    assert not differ, f"{what}: not as it should be (wanted, shown): {told}"
    assert len(listed.items) == len(expected), f"{what}: {len(listed.items)} are shown, {len(expected)} there"
    assert listed.total in (None, len(expected)), f"{what}: the total is {listed.total}, {len(expected)} are there"


async def _look_at(stage: Stage, face: Face, letter: Letter) -> None:
    """Compare one message and its thread; where it is gone, the face says so."""
    if letter not in stage.world.open_letters:
        assert await _refuses(face, letter), f"{face.name} has {letter.public} still"
        return
    shown = await face.letter(letter)
    wanted = {name: letter.shown()[name] for name in shown}
    assert shown == wanted, f"message by {face.name}: wanted {wanted}, shown {shown}"
    names = [face.name_of(one) for one in stage.world.conversation(letter.thread)]
    assert await face.thread(letter) == names, f"thread {letter.thread} by {face.name}"


async def _refuses(face: Face, letter: Letter) -> bool:
    try:
        await face.letter(letter)
    except face.refusals:
        return True
    return False


async def _look_at_counts(stage: Stage) -> None:
    world = stage.world
    assert await stage.inai.counts() == (len(world.boxes), len(world.sites))
    letters = [(letter.box.address, letter.public) for letter in world.open_letters if letter.is_deleted]
    drafts = [(draft.box.address, draft.id) for draft in world.trashed_drafts]
    boxes = [(box.address, None) for box in world.boxes if box.is_trashed]
    shown = await stage.tools.trash()
    wanted = [*letters, *drafts, *boxes]
    assert sorted(shown, key=str) == sorted(wanted, key=str), f"the trash: wanted {wanted}, shown {shown}"


async def _look_at_filters(stage: Stage, box: Box, size: int) -> None:
    """Compare lists of an inbox that a query narrows, which have totals of their own."""
    letters = stage.world.listed(box)
    queries: tuple[tuple[dict[str, str], Any], ...] = (
        ({"label": "inbox"}, lambda m: "received" in m.labels and "archived" not in m.labels),
        ({"unread": "true"}, lambda m: "received" in m.labels and "unread" in m.labels),
        ({"label": "sent"}, lambda m: m.is_sent),
        ({"label": "red", "unread": "false"}, lambda m: "red" in m.labels and "unread" not in m.labels),
    )
    for query, keep in queries:
        wanted = [letter.shown() for letter in letters if keep(letter)]
        _hold(f"{query} of {box.address}", await stage.email.filtered(box, size, **query), wanted)
