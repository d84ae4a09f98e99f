"""The machine that draws what happens: by which face, to what, in which order. After each step all is looked at."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.compat.one_model import acts
from tests.compat.one_model.face import Face
from tests.compat.one_model.looking import look
from tests.compat.one_model.stage import BLOCKED, Stage
from tests.compat.one_model.world import Box, Letter
from tests.fakes.bed import DOMAIN

T = TypeVar("T")
TAGS = st.sampled_from([["red"], ["blue"], ["red", "blue"], []])
OWN = st.sampled_from([["red"], ["inbox"], ["blue", "red", "inbox"], []])
ANY = st.sampled_from(["red", "blue", "inbox", "unread", "archived", "spam", "trash"])
PICK = st.integers(0, 20)  # which of those that there are, the newest first
EVENTS = st.sampled_from([["message.received"], ["message.sent", "message.bounced"]])
MARKS = ("mark-read", "mark-unread", "archive", "unarchive")
MOST_BOXES = 3
OUTSIDE = "carol@example.com"


def by(*names: str) -> st.SearchStrategy[str]:
    """Draw a face."""
    return st.sampled_from(names)


ALL = by("official", "inai", "email", "tools")
has_boxes = precondition(lambda self: self.world.live)
has_letters = precondition(lambda self: self.world.open_letters)


class OneModel(RuleBasedStateMachine):
    """Made by `machine_over`, which says where its houses are."""

    home: Callable[[], Path]
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self._stage = Stage(type(self).home(), self.template)
        self._stage.open()
        self.world = self._stage.world
        self._first_keys = len(self.world.keys)  # that the faces act by
        self._number = 0
        self._touched: list[Letter] = []

    def teardown(self) -> None:
        self._stage.close()

    @invariant()
    def all_faces_tell_what_there_is(self) -> None:
        touched, self._touched = self._touched[-2:], []
        self._stage.run(look(self._stage, touched=touched))
        self._stage.tick()

    def _face(self, name: str) -> Any:
        face: Face = getattr(self._stage, name)
        return face

    def _new(self, word: str) -> str:
        self._number += 1
        return f"{word}{self._number}"

    def _box(self, pick: int) -> Box:
        return _picked(self.world.live, pick)

    def _letter(self, pick: int) -> Letter:
        letter = _picked(self.world.open_letters, pick)
        self._touched.append(letter)
        return letter

    def _address(self, pick: int) -> str:
        """Draw a recipient: outside, nobody, or an inbox, in the trash or not."""
        known = [OUTSIDE, f"nobody@{DOMAIN}", *(box.address for box in self.world.boxes)]
        return known[pick % len(known)]

    def _after(self, letters: Sequence[Letter]) -> None:
        """Look at the newest message too."""
        self._touched += [*letters, *self.world.letters[-1:]]

    @initialize(first=ALL, second=ALL, sender=ALL, labels=TAGS, how=st.sampled_from(MARKS))
    def begin(self, first: str, second: str, sender: str, labels: list[str], how: str) -> None:
        """Two inboxes, a letter from the one to the other and outside, and marked news: the rest has an object."""
        for face in (first, second):
            self.create_inbox(face=face)
            self._stage.tick()
        self.send(face=sender, pick=0, to=[0, 2], labels=labels)
        self._stage.tick()
        self.receive(pick=0, with_file=True, sender=OUTSIDE)
        self.mark(how=how, picks=[0, 1])

    @precondition(lambda self: len(self.world.boxes) < MOST_BOXES)
    @rule(face=ALL)
    def create_inbox(self, face: str) -> None:
        name = self._new("box")
        self._stage.run(self._face(face).create_box(name))
        self._stage.learn_box(f"{name}@{DOMAIN}")

    @has_boxes
    @rule(face=by("official", "inai", "tools"), pick=PICK, name=st.sampled_from(["Anna", "Bert"]))
    def rename_inbox(self, face: str, pick: int, name: str) -> None:
        box = self._box(pick)
        self._stage.run(self._face(face).rename(box, name))
        box.name = name

    @precondition(lambda self: len(self.world.boxes) == MOST_BOXES)
    @rule(face=ALL, pick=PICK)
    def delete_inbox(self, face: str, pick: int) -> None:
        box = _picked(self.world.boxes, pick)
        if box.is_trashed:  # no other face knows it
            face = "tools"
        self._touched += [letter for letter in self.world.letters if letter.box is box][-1:]
        self._stage.run(acts.delete_box(self._stage, self._face(face), box))

    @precondition(lambda self: len(self.world.live) > 1)
    @rule(pick=PICK)
    def trash_inbox(self, pick: int) -> None:
        box = self._box(pick)
        self._touched += [letter for letter in self.world.letters if letter.box is box][-1:]
        self._stage.run(self._stage.tools.trash_box(box))
        box.is_trashed = True

    @precondition(lambda self: len(self.world.live) < len(self.world.boxes))
    @rule()
    def restore_inbox(self) -> None:
        box = next(box for box in self.world.boxes if box.is_trashed)
        self._stage.run(acts.restore_box(self._stage, self._stage.tools, box))
        self._touched += [letter for letter in self.world.letters if letter.box is box][-1:]

    @has_boxes
    @rule(pick=PICK, with_file=st.booleans(), sender=st.sampled_from([OUTSIDE, "Dan <dan@example.com>", BLOCKED]))
    def receive(self, pick: int, with_file: bool, sender: str) -> None:
        given: dict[str, Any] = {"answers": None, "with_file": with_file, "sender": sender}
        made = self._stage.run(acts.receive(self._stage, self._box(pick), self._new("news"), **given))
        self._touched.append(made)

    @has_letters
    @rule(pick=PICK, with_file=st.booleans())
    def receive_an_answer(self, pick: int, with_file: bool) -> None:
        letter = self._letter(pick)
        given: dict[str, Any] = {"answers": letter, "with_file": with_file, "sender": OUTSIDE}
        made = self._stage.run(acts.receive(self._stage, letter.box, self._new("answer"), **given))
        self._touched.append(made)

    @has_boxes
    @rule(face=ALL, pick=PICK, to=st.lists(PICK, min_size=1, max_size=2), labels=TAGS)
    def send(self, face: str, pick: int, to: list[int], labels: list[str]) -> None:
        people = list(dict.fromkeys(map(self._address, to)))
        doing = acts.send(self._stage, self._face(face), self._box(pick), people, self._new("letter"), labels)
        self._stage.run(doing)
        self._after([])

    @has_boxes
    @rule(pick=PICK, to=st.lists(PICK, min_size=1, max_size=3))
    def send_a_batch(self, pick: int, to: list[int]) -> None:
        people = list(dict.fromkeys(map(self._address, to)))
        doing = acts.send_batch(self._stage, self._stage.email, self._box(pick), people, self._new("batch"))
        self._stage.run(doing)
        self._after([])

    @has_letters
    @rule(face=ALL, pick=PICK, everybody=st.booleans())
    def reply(self, face: str, pick: int, everybody: bool) -> None:
        letter = self._letter(pick)
        if letter.box.address not in map(acts.bare, acts.answered_to(letter, everybody)):  # that is held as a loop
            self._stage.run(acts.reply(self._stage, self._face(face), letter, everybody))
            self._after([letter])

    @has_letters
    @rule(face=ALL, pick=PICK, to=PICK)
    def forward(self, face: str, pick: int, to: int) -> None:
        letter, address = self._letter(pick), self._address(to)
        if address != letter.box.address:
            self._stage.run(acts.forward(self._stage, self._face(face), letter, address))
            self._after([letter])

    @has_boxes
    @rule(face=by("official", "email", "tools"), pick=PICK, to=PICK, hours=st.integers(1, 4))
    def schedule(self, face: str, pick: int, to: int, hours: int) -> None:
        given = (self._box(pick), self._address(to), self._new("later"), hours)
        self._stage.run(acts.schedule(self._stage, self._face(face), *given))

    @precondition(lambda self: self.world.open_drafts)
    @rule(face=by("official", "email", "tools"), pick=PICK)
    def cancel(self, face: str, pick: int) -> None:
        self._stage.run(acts.cancel(self._stage, self._face(face), _picked(self.world.open_drafts, pick)))

    @precondition(lambda self: self.world.trashed_drafts)
    @rule(pick=PICK)
    def restore_draft(self, pick: int) -> None:
        draft = _picked(self.world.trashed_drafts, pick)
        self._stage.run(acts.restore_draft(self._stage, self._stage.tools, draft))

    @precondition(lambda self: self.world.drafts)
    @rule()
    def hours_pass(self) -> None:
        self._stage.run(acts.hours_pass(self._stage, 2))
        self._after([])

    @has_letters
    @rule(face=by("official", "tools"), pick=PICK, label=ANY, other=ANY)
    def label(self, face: str, pick: int, label: str, other: str) -> None:
        letter, removed = self._letter(pick), {other} - {label}
        self._stage.run(self._face(face).label(letter, [label], sorted(removed)))
        acts.relabel(letter, (letter.labels | {label}) - removed)

    @has_letters
    @rule(face=by("official", "tools"), picks=st.lists(PICK, min_size=1, max_size=3), label=ANY, other=ANY)
    def label_many(self, face: str, picks: list[int], label: str, other: str) -> None:
        named, removed = [self._letter(pick) for pick in picks], {other} - {label}
        letters = [letter for letter in dict.fromkeys(named) if letter.box is named[0].box]
        self._stage.run(self._face(face).label_many(letters, label, sorted(removed)))
        for letter in letters:
            acts.relabel(letter, (letter.labels | {label}) - removed)

    @has_boxes
    @rule(pick=PICK, label=st.sampled_from(["red", "green"]), drops=st.booleans())
    def label_of_an_inbox(self, pick: int, label: str, drops: bool) -> None:
        box = self._box(pick)
        if not (drops and self.world.labels(box)):
            self._stage.run(self._stage.email.make_label(box, label))
            box.made.add(label)
            return
        label = _picked(self.world.labels(box), pick)
        self._stage.run(self._stage.email.drop_label(box, label))
        box.made.discard(label)
        for letter in self.world.letters:
            if letter.box is box:
                acts.relabel(letter, letter.labels - {label})

    @has_letters
    @rule(pick=PICK, label=st.sampled_from(["red", "blue"]), removed=st.sampled_from(["red", "blue"]))
    def tag(self, pick: int, label: str, removed: str) -> None:
        letter = self._letter(pick)
        self._stage.run(self._stage.email.label(letter, [label], [removed]))
        acts.relabel(letter, (letter.labels | {label}) - {removed})

    @has_letters
    @rule(pick=PICK, labels=OWN)
    def replace_own_labels(self, pick: int, labels: list[str]) -> None:
        letter = self._letter(pick)
        self._stage.run(self._stage.inai.set_own(letter, labels))
        acts.relabel(letter, (letter.labels - {"red", "blue", "inbox"}) | set(labels))

    @has_letters
    @rule(pick=PICK, label=ANY)
    def label_thread(self, pick: int, label: str) -> None:
        letter = self._letter(pick)
        self._stage.run(self._stage.official.label_thread(letter, label))
        for one in self.world.conversation(letter.thread):
            acts.relabel(one, one.labels | {label})

    @has_letters
    @rule(how=st.sampled_from([*MARKS, "read"]), picks=st.lists(PICK, min_size=1, max_size=3))
    def mark(self, how: str, picks: list[int]) -> None:
        letters = [self._letter(pick) for pick in picks]
        email = self._stage.email
        self._stage.run(email.read(letters[0]) if how == "read" else email.mark(how, letters))
        label = "archived" if how.endswith("archive") else "unread"
        is_added = how in ("mark-unread", "archive")
        for letter in letters[:1] if how == "read" else letters:
            acts.relabel(letter, letter.labels | {label} if is_added else letter.labels - {label})

    @has_letters
    @rule(pick=PICK, whole=st.booleans())
    def trash(self, pick: int, whole: bool) -> None:
        letter, tools = self._letter(pick), self._stage.tools
        self._stage.run(tools.trash_thread(letter) if whole else tools.trash_letter(letter))
        for one in self.world.conversation(letter.thread) if whole else [letter]:
            acts.trash(one)

    @precondition(lambda self: any("trash" in letter.labels for letter in self.world.open_letters))
    @rule(pick=PICK, whole=st.booleans())
    def restore(self, pick: int, whole: bool) -> None:
        letter = _picked([one for one in self.world.open_letters if "trash" in one.labels], pick)
        tools = self._stage.tools
        self._stage.run(tools.restore_thread(letter) if whole else tools.restore_letter(letter))
        for one in self.world.conversation(letter.thread) if whole else [letter]:
            acts.restore(one)
        self._touched.append(letter)

    @has_letters
    @rule(face=by("official", "email", "tools"), pick=PICK)
    def delete_message(self, face: str, pick: int) -> None:
        letter = self._letter(pick)
        self._stage.run(self._face(face).delete_letter(letter))
        self.world.letters.remove(letter)

    @has_letters
    @rule(face=by("official", "inai", "tools"), pick=PICK)
    def delete_thread(self, face: str, pick: int) -> None:
        letter = self._letter(pick)
        self._stage.run(self._face(face).delete_thread(letter))
        for one in self.world.conversation(letter.thread):
            self.world.letters.remove(one)

    @rule(face=ALL, events=EVENTS, picks=st.lists(PICK, max_size=2), of_inbox=st.booleans())
    def create_webhook(self, face: str, events: list[str], picks: list[int], of_inbox: bool) -> None:
        url = f"https://example.com/{self._new('hook')}"
        boxes = tuple(dict.fromkeys(map(self._box, picks))) if self.world.live else ()
        if boxes and face != "inai" and (of_inbox or face == "email"):
            self._stage.run(self._face(face).add_box_hook(url, events, boxes[0]))
            self._stage.learn_hook(url, events, face, boxes[0], ())
        elif face != "email":
            self._stage.run(self._face(face).add_hook(url, events, list(boxes)))
            self._stage.learn_hook(url, events, face, None, boxes)

    @precondition(lambda self: self.world.hooks)
    @rule(face=ALL, pick=PICK, box=PICK, how=st.sampled_from(["on", "off", "tell", "delete"]))
    def change_webhook(self, face: str, pick: int, box: int, how: str) -> None:
        hook, by_face = _picked(self.world.hooks, pick), self._face(face)
        if how == "delete":
            self._stage.run(by_face.delete_hook(hook))
            self.world.hooks.remove(hook)
        elif how == "tell" and hook.box is None and self.world.live and face != "email":
            hook.boxes = self._stage.run(by_face.tell_of(hook, self._box(box)))
        else:
            hook.enabled = how == "on"
            self._stage.run(by_face.switch_hook(hook, hook.enabled))

    @rule(face=by("official", "inai", "tools"), pick=PICK, of_inbox=st.booleans())
    def create_key(self, face: str, pick: int, of_inbox: bool) -> None:
        name, box = self._new("key"), None
        if of_inbox and self.world.live and face != "inai":
            box = self._box(pick)
            self._stage.run(self._face(face).add_box_key(name, box))
        else:
            self._stage.run(self._face(face).add_key(name))
        self._stage.learn_key(name, box)

    @precondition(lambda self: len(self.world.open_keys) > self._first_keys)
    @rule(face=by("official", "inai", "tools"), pick=PICK)
    def delete_key(self, face: str, pick: int) -> None:
        key = _picked(self.world.open_keys[self._first_keys :], pick)
        self._stage.run(self._face(face).delete_key(key))
        self.world.keys.remove(key)

    @rule(face=ALL, pick=PICK, how=st.sampled_from(["add", "verify", "delete"]))
    def domain(self, face: str, pick: int, how: str) -> None:
        if how == "add" or not self.world.sites:
            name = f"{self._new('site')}.example"
            self._stage.run(self._face(face).add_site(name))
            self._stage.learn_site(name)
            return
        site = _picked(self.world.sites, pick)
        if how == "verify":
            self._stage.run(self._face(face).verify_site(site))
            self._stage.learn_status(site)
        else:
            self._stage.run(self._face(face).delete_site(site))
            self.world.sites.remove(site)

    @rule(size=st.integers(1, 3))
    def look_in_pages(self, size: int) -> None:
        self._stage.run(look(self._stage, size, self._touched))


def _picked(those: Sequence[T], pick: int) -> T:
    return those[-1 - pick % len(those)]


def machine_over(folder: Path, template: Path) -> type[OneModel]:
    """Return the machine whose houses are in a folder, each with a copy of a migrated database."""
    numbers = iter(range(10**9))

    def home() -> Path:
        return folder / f"house{next(numbers)}"

    return type("OneModelHere", (OneModel,), {"home": staticmethod(home), "template": template})
