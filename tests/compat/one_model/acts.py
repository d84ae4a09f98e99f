"""What can be done by a face, and what the world is afterwards. Who chooses is the machine."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.compat.one_model.email_face import EmailFace
from tests.compat.one_model.inai_face import InaiFace
from tests.compat.one_model.stage import BLOCKED, Coming, Stage
from tests.compat.one_model.tool_face import ToolFace
from tests.compat.one_model.world import Box, Draft, Letter
from tests.fakes.bed import DOMAIN
from tests.fakes.mail import mail

RECEIVED = frozenset({"received", "unread"})


class Post(NamedTuple):
    """A message that leaves an inbox: `wire` of what it answers, `threads` that it may be in (see `Coming`)."""

    box: Box
    to: tuple[str, ...]
    subject: str
    threads: frozenset[str]
    answers: str | None = None
    labels: frozenset[str] = frozenset()
    files: int = 0


def author(box: Box) -> str:
    """Return how mail of an inbox shows whom it is from."""
    return box.address if box.name is None else f"{box.name} <{box.address}>"


async def leaves(stage: Stage, *posts: Post) -> None:
    """Take up messages that were sent: each is in its inbox, and in every inbox here that it is for."""
    coming: list[Coming] = []
    for post in posts:
        coming.append(_sent(stage, post))
        boxes = filter(None, map(stage.world.reaches, map(bare, post.to)))
        coming += [_copy(stage, post, box) for box in boxes]
    made = await stage.settle(*coming)
    sent = {(letter.subject, letter.to): letter for letter in made if letter.is_sent}
    for letter in made:
        letter.wire = sent[letter.subject, letter.to].public


def _sent(stage: Stage, post: Post) -> Coming:
    ours = [one for one in map(bare, post.to) if one.endswith(f"@{DOMAIN}")]
    lost = any(stage.world.reaches(one) is None for one in ours)
    return Coming(
        box=post.box,
        from_=author(post.box),
        to=post.to,
        subject=post.subject,
        labels=frozenset({"sent", *(["bounced"] if lost else []), *post.labels}),
        files=post.files,
        threads=post.threads,
    )


def _copy(stage: Stage, post: Post, box: Box) -> Coming:
    return Coming(
        box=box,
        from_=author(post.box),
        to=post.to,
        subject=post.subject,
        labels=RECEIVED,
        files=post.files,
        threads=_joins(stage, box, post.answers),
    )


def _joins(stage: Stage, box: Box, answers: str | None) -> frozenset[str] | None:
    """Return the threads that an answer to a message joins where the inbox has that message, else None."""
    mine = [letter for letter in stage.world.letters if letter.box is box and letter.wire == answers]
    found = frozenset(letter.thread for letter in mine if "blocked" not in letter.labels)
    return found if answers is not None and found else None


async def receive(
    stage: Stage, box: Box, subject: str, *, answers: Letter | None, with_file: bool, sender: str
) -> Letter:
    """Let mail come from outside, as an answer to a message or not; from one whom a list blocks it is hidden."""
    wire = f"<{subject.replace(' ', '-').replace(':', '')}@example.com>"
    files = {"files": {"table.csv": b"a,b\n1,2\n"}} if with_file else {}
    named = {} if answers is None else {"answers": answers.wire}
    raw = mail(sender=sender, to=box.address, subject=subject, message_id=wire, **files, **named)  # type: ignore[arg-type]
    await stage.take(raw, box.address, sender=sender)
    is_blocked = sender == BLOCKED
    made = await stage.settle(
        Coming(
            box=box,
            from_=sender,
            to=(box.address,),
            subject=subject,
            labels=RECEIVED | {"blocked"} if is_blocked else RECEIVED,
            files=int(with_file),
            wire=wire,
            threads=frozenset() if is_blocked else _joins(stage, box, None if answers is None else answers.wire),
        )
    )
    return made[0]


async def send(stage: Stage, face: Any, box: Box, to: list[str], subject: str, labels: list[str]) -> None:
    """Send a new message."""
    await face.send(box, to, subject, labels)
    await leaves(stage, Post(box, tuple(to), subject, frozenset(), labels=frozenset(labels)))


async def send_batch(stage: Stage, face: EmailFace, box: Box, to: list[str], subject: str) -> None:
    """Send a message to each of several."""
    await face.send_batch(box, to, subject)
    await leaves(stage, *(Post(box, (one,), subject, frozenset()) for one in to))


def answered_to(letter: Letter, everybody: bool) -> tuple[str, ...]:
    """Return whom an answer to a message goes to; never to the inbox itself where there is anybody else."""
    to = letter.to if letter.is_sent else (letter.from_,)
    if not everybody:
        return to
    people: dict[str, str] = {}
    for one in (*to, *letter.to):
        people.setdefault(bare(one), one)
    people.pop(letter.box.address, None)
    return tuple(people.values()) or to


def bare(person: str) -> str:
    """Return the address of a person as lists show people."""
    return person.rpartition("<")[2].removesuffix(">")


async def reply(stage: Stage, face: Any, letter: Letter, everybody: bool) -> None:
    """Answer a message: in its thread."""
    await face.reply(letter, everybody)
    subject = letter.subject if letter.subject.startswith("Re: ") else f"Re: {letter.subject}"
    post = Post(letter.box, answered_to(letter, everybody), subject, frozenset({letter.thread}), letter.wire)
    await leaves(stage, post)


async def forward(stage: Stage, face: Any, letter: Letter, to: str) -> None:
    """Forward a message with its files: in its thread, by inai in a new one."""
    await face.forward(letter, to)
    subject = letter.subject if letter.subject.startswith("Fwd: ") else f"Fwd: {letter.subject}"
    threads = frozenset[str]() if isinstance(face, InaiFace) else frozenset({letter.thread})
    await leaves(stage, Post(letter.box, (to,), subject, threads, files=letter.files))


async def schedule(stage: Stage, face: Any, box: Box, to: str, subject: str, in_hours: int) -> None:
    """Write a message that leaves later."""
    at = stage.clock.now + in_hours * 3_600_000
    await face.schedule(box, to, subject, datetime.fromtimestamp(at / 1000, UTC).isoformat())
    stage.learn_draft(box, to, subject, at)


async def hours_pass(stage: Stage, hours: int) -> None:
    """Let time pass; what is due leaves, by the id that was told when it was scheduled."""
    world = stage.world
    await stage.pass_hours(hours)
    due = [draft for draft in world.open_drafts if draft.send_at <= stage.clock.now and not draft.is_late]
    await leaves(stage, *(Post(draft.box, (draft.to,), draft.subject, frozenset()) for draft in due))
    for draft in due:
        world.drafts.remove(draft)
        assert any(letter.id == f"msg_{draft.id.removeprefix('dft_')}" for letter in world.letters)


async def cancel(stage: Stage, face: Any, draft: Draft) -> None:
    """Take back what is scheduled; by a tool into the trash."""
    await face.cancel(draft)
    if isinstance(face, ToolFace):
        draft.is_trashed = True
    else:
        stage.world.drafts.remove(draft)


async def restore_draft(stage: Stage, face: ToolFace, draft: Draft) -> None:
    """Bring back what was taken back; it has failed where it was to be sent meanwhile."""
    await face.restore_draft(draft)
    draft.is_trashed = False
    _be_late(stage, draft)


def _be_late(stage: Stage, draft: Draft) -> None:
    if draft.send_at <= stage.clock.now and not draft.is_late:
        draft.is_late = True
        draft.changed_at = stage.clock.now


def relabel(letter: Letter, labels: set[str]) -> None:
    """Give a message other labels; without `trash` it is out of the trash."""
    letter.labels = labels
    letter.is_deleted = letter.is_deleted and "trash" in labels


def trash(letter: Letter) -> None:
    """Put a message into the trash."""
    letter.labels = letter.labels | {"trash"}
    letter.is_deleted = True


def restore(letter: Letter) -> None:
    """Bring a message back."""
    relabel(letter, letter.labels - {"trash"})


async def restore_box(stage: Stage, face: ToolFace, box: Box) -> None:
    """Bring an inbox back; what it was to send meanwhile has failed."""
    await face.restore_box(box)
    box.is_trashed = False
    for draft in stage.world.drafts:
        if draft.box is box and not draft.is_trashed:
            _be_late(stage, draft)


async def delete_box(stage: Stage, face: Any, box: Box) -> None:
    """Delete an inbox for good. One that has keys stays, unless the face takes them along; in the trash none asks."""
    has_keys = any(key.box is box for key in stage.world.keys)
    if has_keys and not isinstance(face, EmailFace) and not box.is_trashed:
        try:
            await face.delete_box(box)
        except face.refusals:
            return
        raise AssertionError(f"{face.name} deleted {box.address} with its keys")
    await face.delete_box(box)
    stage.world.drop_box(box)
