"""Lists, labels and search, through the desk: all pages together are the whole, and no token or filter breaks out."""

import base64
import json
from typing import Any

import pytest

from postroom.model.errors import InvalidInput, NotFound
from postroom.model.event import EventType
from postroom.service.places import EVER, seal
from tests.fakes.bed import DOMAIN, Bed, facts
from tests.fakes.clock import START, FakeClock
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"


async def _walk(house: Bed, operation: str, **given: Any) -> list[Any]:
    found: list[Any] = []
    token: str | None = None
    for _page in range(100):
        page = await house.call(operation, inbox_id=AGENT, page_token=token, **given)
        assert len(page.items) <= given.get("limit", 10)
        found += page.items
        token = page.next_page_token
        if token is None:
            return found
    raise AssertionError("the list does not end")


async def _filled(house: Bed, count: int = 23) -> None:
    """Fill an inbox: three messages at each moment, every second one starred, every third from dave."""
    await house.inbox()
    clock = house.now
    assert isinstance(clock, FakeClock)
    for number in range(count):
        sender = "dave@example.com" if number % 3 == 0 else "carol@example.com"
        message = await house.receive(mail(subject=f"Number {number:02}", sender=sender))
        if number % 2 == 0:
            await house.call("messages.update", inbox_id=AGENT, message_id=message.id, add_labels="starred")
        clock.advance(1_000 if number % 3 == 2 else 0)


@pytest.mark.parametrize("limit", [1, 4, 23, 100])
@pytest.mark.parametrize("operation", ["messages.list", "threads.list"])
async def test_all_pages_together_are_the_whole_list_in_both_orders(house: Bed, operation: str, limit: int) -> None:
    await _filled(house)
    down = await _walk(house, operation, limit=limit)
    up = await _walk(house, operation, limit=limit, ascending=True)
    assert [item.subject for item in up] == [f"Number {n:02}" for n in range(23)]
    assert down == up[::-1]


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"labels": "starred"}, lambda n: n % 2 == 0),
        ({"labels": ["unread", "STARRED"]}, lambda n: n % 2 == 0),
        ({"from": "dave"}, lambda n: n % 3 == 0),
        ({"from": ["DAVE", "example"], "labels": "starred"}, lambda n: n % 6 == 0),
        ({"subject": "number 1"}, lambda n: 10 <= n < 20),
        ({"to": "agent@"}, lambda n: True),
        ({"after": START + 2_000}, lambda n: n >= 6),
        ({"before": START + 2_000}, lambda n: n < 6),
        ({"after": START + 1_000, "before": START + 2_000, "labels": "starred"}, lambda n: n == 4),
        ({"labels": "nobody-has-it"}, lambda n: False),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
async def test_a_filter_keeps_what_it_names_over_all_pages(
    house: Bed, given: dict[str, Any], expected: Any, ascending: bool
) -> None:
    await _filled(house)
    found = await _walk(house, "messages.list", limit=3, ascending=ascending, **given)
    wanted = [f"Number {n:02}" for n in range(23) if expected(n)]
    assert [item.subject for item in found] == (wanted if ascending else wanted[::-1])


async def test_mail_that_arrives_during_a_walk_shifts_no_page(house: Bed) -> None:
    await _filled(house, 6)
    first = await house.call("messages.list", inbox_id=AGENT, limit=3)
    await house.receive(mail(subject="Between"))
    second = await house.call("messages.list", inbox_id=AGENT, limit=3, page_token=first.next_page_token)
    assert [m.subject for m in (*first.items, *second.items)] == [f"Number {n:02}" for n in range(5, -1, -1)]


async def test_a_filter_that_matches_little_goes_on_page_by_page(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postroom.service.places.SCAN", 5)
    await _filled(house)
    found = await _walk(house, "messages.list", limit=2, subject="Number 00")
    assert [m.subject for m in found] == ["Number 00"]


def _token(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "ä",
        "-" * 5_000,
        _token(None),
        _token(["messages"]),
        _token(["threads", 1, 1]),
        _token(["messages", 10**30, 1]),
        _token(["messages", 1, -(10**30)]),
        _token(["messages", "1", "1"]),
        _token(["messages", 1, "inb_x"]),
        _token(["messages", True, 1]),
        _token(["messages", 1.5, 1]),
        _token([[]] * 3),
        seal("search", (1, 1)),
        seal("inboxes", (1, "inb_x")),
    ],
)
@pytest.mark.promise("errors.invalid-page-token", "pages.token-is-of-its-list")
async def test_a_token_of_another_list_or_of_nobodys_making_is_refused(house: Bed, token: str) -> None:
    await _filled(house, 2)
    with pytest.raises(InvalidInput, match="page_token"):
        await house.call("messages.list", inbox_id=AGENT, page_token=token or "?")


async def test_a_token_shows_no_more_of_an_inbox_than_its_reader_may_see(house: Bed) -> None:
    await _filled(house, 6)
    token = (await house.call("messages.list", inbox_id=AGENT, limit=1)).next_page_token
    stranger = await house.stranger()
    mine = await house.inbox("mine", stranger)
    page = await house.call("messages.list", stranger, inbox_id=mine.address, page_token=token)
    assert page.items == ()


@pytest.mark.parametrize("field", ["before", "after"])
@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01", 10**30, -(10**30), EVER * 2, [], 1.5])
async def test_a_time_that_is_none_is_refused(house: Bed, field: str, moment: object) -> None:
    await house.inbox()
    for operation in ("messages.list", "threads.list"):
        with pytest.raises(InvalidInput):
            await house.call(operation, inbox_id=AGENT, **{field: moment})


@pytest.mark.parametrize("moment", ["2026-03-02T09:00:02Z", "2026-03-02T10:00:02+01:00", "2026-03-02T09:00:02"])
@pytest.mark.promise("transport.dates-of-any-zone")
async def test_times_are_rfc_3339_of_any_zone(house: Bed, moment: str) -> None:
    await _filled(house, 8)
    page = await house.call("messages.list", inbox_id=AGENT, after=moment, ascending=True)
    assert [m.subject for m in page.items] == ["Number 06", "Number 07"]


@pytest.mark.parametrize("limit", [0, 101, -1, "many"])
@pytest.mark.promise("pages.limit-1-to-100")
async def test_a_limit_outside_1_to_100_is_refused(house: Bed, limit: object) -> None:
    await house.inbox()
    with pytest.raises(InvalidInput):
        await house.call("messages.list", inbox_id=AGENT, limit=limit)


@pytest.mark.promise("labels.lower-case")
async def test_labels_are_folded_added_and_removed_with_an_event_each(house: Bed) -> None:
    inbox = await house.inbox()
    message = await house.receive(mail())
    changed = await house.call(
        "messages.update",
        inbox_id=AGENT,
        message_id=message.id,
        add_labels=[" Urg ", "urg"],
        remove_labels="unread",
    )
    assert changed.labels == ("received", "urg")
    assert (await house.message(AGENT, message.id)).labels == changed.labels
    assert [f["label"] for f in facts(await house.events(inbox, EventType.LABEL_ADDED))] == ["urg"]
    assert [f["label"] for f in facts(await house.events(inbox, EventType.LABEL_REMOVED))] == ["unread"]


async def test_a_label_that_is_there_already_changes_nothing(house: Bed) -> None:
    inbox = await house.inbox()
    message = await house.receive(mail())
    await house.call("messages.update", inbox_id=AGENT, message_id=message.id, add_labels="unread")
    assert await house.events(inbox, EventType.LABEL_ADDED) == []


async def test_a_thread_loses_a_label_with_its_last_message_that_has_it(house: Bed) -> None:
    await house.inbox()
    first = await house.receive(mail())
    second = await house.receive(mail(answers=first.message_id))
    for message, expected in ((first, ("received", "unread")), (second, ("received",))):
        await house.call("messages.update", inbox_id=AGENT, message_id=message.id, remove_labels="unread")
        (thread,) = (await house.call("threads.list", inbox_id=AGENT)).items
        assert thread.labels == expected


@pytest.mark.parametrize("label", ["sent", "RECEIVED", "bounced", "", " ", "x" * 101, "a\x00", "a\nb"])
@pytest.mark.parametrize("field", ["add_labels", "remove_labels"])
@pytest.mark.promise("labels.system-refused")
async def test_labels_of_the_system_and_what_is_none_are_refused(house: Bed, label: str, field: str) -> None:
    await house.inbox()
    message = await house.receive(mail())
    with pytest.raises(InvalidInput):
        await house.call("messages.update", inbox_id=AGENT, message_id=message.id, **{field: label})


async def test_a_message_has_at_most_a_hundred_labels_of_ones_own(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail())
    many = [f"l{n}" for n in range(100)]
    await house.call("messages.update", inbox_id=AGENT, message_id=message.id, add_labels=many, remove_labels="unread")
    with pytest.raises(InvalidInput, match="100"):
        await house.call("messages.update", inbox_id=AGENT, message_id=message.id, add_labels="one-more")


async def test_a_message_is_found_with_and_without_angle_brackets_and_by_its_inner_id(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail(message_id="<a.b@example.com>"))
    for spelling in ("<a.b@example.com>", "a.b@example.com", " <a.b@example.com> ", message.id):
        assert (await house.message(AGENT, spelling)).id == message.id


async def test_an_inner_id_of_another_inbox_is_absent_here(house: Bed) -> None:
    await house.inbox("agent")
    await house.inbox("other")
    message = await house.receive(mail(), f"other@{DOMAIN}")
    with pytest.raises(NotFound):
        await house.message(AGENT, message.id)
    with pytest.raises(NotFound):
        await house.call("threads.get", inbox_id=AGENT, thread_id=message.thread_id)


async def _indexed(house: Bed) -> None:
    await house.indexed()


async def _search(house: Bed, q: str, inbox: str = AGENT) -> list[str | None]:
    return [m.subject for m in (await house.call("messages.search", inbox_id=inbox, q=q)).items]


async def test_a_message_can_be_searched_for_soon_after_it_came(house: Bed) -> None:
    await house.inbox()
    await house.receive(mail(subject="Quarterly figures", text="The turnover rose by 7.5 percent."))
    await _indexed(house)
    for q in ("figures", "turnov", "rose percent", '"rose by"', "carol@example.com", "7.5", "FIGURES turnover"):
        assert await _search(house, q) == ["Quarterly figures"], q
    for q in ("absent", "figures absent", '"by rose"'):
        assert await _search(house, q) == [], q


async def test_sent_mail_is_searched_too(house: Bed) -> None:
    await house.inbox()
    await house.send(AGENT, "dave@example.com", subject="Offer", text="A hovercraft.")
    await _indexed(house)
    assert await _search(house, "hovercraft") == ["Offer"]


async def test_html_is_searched_by_its_words_alone(house: Bed) -> None:
    await house.inbox()
    await house.receive(mail("Content-Type: text/html", text="<p class='invisible'>Blue <b>whale</b></p>", subject="s"))
    await _indexed(house)
    assert (await _search(house, '"blue whale"'), await _search(house, "invisible")) == (["s"], [])


async def test_search_never_leaves_its_inbox(house: Bed) -> None:
    await house.inbox("agent")
    other = await house.inbox("other")
    await house.receive(mail(text="Needle"), other.address)
    await _indexed(house)
    inner = other.inbox_id.partition("_")[2]
    for q in ("needle", inner, f"inbox:{inner}", f'" OR inbox : {inner} OR "', "needle OR needle", "body : needle"):
        assert await _search(house, q) == [], q
    assert await _search(house, "needle", other.address) == ["A subject"]


@pytest.mark.promise("search.ranked")
async def test_results_come_newest_first_over_all_pages(house: Bed) -> None:
    await _filled(house)
    await _indexed(house)
    found = await _walk(house, "messages.search", q="number", limit=5)
    assert [m.subject for m in found] == [f"Number {n:02}" for n in range(22, -1, -1)]


async def test_search_keeps_to_its_times(house: Bed) -> None:
    await _filled(house, 9)
    await _indexed(house)
    found = await _walk(house, "messages.search", q="number", after=START + 1_000, before=START + 2_000)
    assert [m.subject for m in found] == ["Number 05", "Number 04", "Number 03"]


@pytest.mark.parametrize("token", [_token(["search", 0, "a"]), _token(["search", 0, 10**40]), seal("messages", (0, 1))])
@pytest.mark.promise("pages.token-is-of-its-list")
async def test_a_foreign_token_of_a_search_is_refused(house: Bed, token: str) -> None:
    await house.inbox()
    with pytest.raises(InvalidInput, match="page_token"):
        await house.call("messages.search", inbox_id=AGENT, q="a", page_token=token)
