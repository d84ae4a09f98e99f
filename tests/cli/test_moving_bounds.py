"""What a hostile or broken server may cost who moves from it: every list, file and answer has an end."""

import itertools
import json
from typing import Any

import pytest

from postroom.cli import moving, source, tally
from postroom.cli.source import SourceError
from postroom.cli.tally import Tally
from tests.cli.test_moving import BOX, DAY, _counts, _move
from tests.fakes.bed import Bed
from tests.fakes.mail import mail
from tests.fakes.there import There


@pytest.fixture
def there() -> There:
    """A server with one inbox that exists here too."""
    made = There()
    made.inbox(BOX)
    return made


def _answers(there: There, monkeypatch: pytest.MonkeyPatch, pages: Any) -> None:
    """Let the list of messages be what `pages` yields."""
    paged = there._paged

    def answer(name: str, items: list[Any], query: Any) -> Any:
        return next(pages) if name == "messages" else paged(name, items, query)

    monkeypatch.setattr(there, "_paged", answer)


async def _failed(house: Bed, there: There) -> str:
    """Move, and return why the inbox was not moved whole."""
    (failure,) = (await _move(house, there, inboxes=(BOX,))).failures
    return failure.reason


async def test_new_tokens_for_ever_end_at_a_number_of_items_and_what_came_is_kept(
    house: Bed, there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source.Source.pages, "__kwdefaults__", {"most": 500})
    there.message(BOX, "<a@x>", mail(), DAY.format(1))
    listed = there.messages[BOX]
    _answers(there, monkeypatch, ({"messages": listed, "next_page_token": str(n)} for n in itertools.count()))
    assert "more than 500 messages" in await _failed(house, there)
    assert len([path for path, _key in there.asked if "/messages?" in path]) == 5
    assert [m.message_id for m in await house.messages(BOX)] == ["<a@x>"]


async def test_inboxes_without_end_are_left_and_the_error_says_to_name_them(
    house: Bed, there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MAX_INBOXES", 300)
    numbers = itertools.count()
    paged = there._paged
    monkeypatch.setattr(
        there,
        "_paged",
        lambda name, items, query: (
            {"inboxes": [], "next_page_token": str(next(numbers))} if name == "inboxes" else paged(name, items, query)
        ),
    )
    with pytest.raises(SourceError, match=r"more than 300 inboxes.*--inbox"):
        await _move(house, there)


@pytest.mark.parametrize("token", ["x" * 5_000, 7, ["a"], "again"], ids=["long", "number", "list", "again"])
async def test_a_token_that_cannot_be_used_ends_the_list(
    house: Bed, there: There, monkeypatch: pytest.MonkeyPatch, token: Any
) -> None:
    _answers(there, monkeypatch, itertools.repeat({"messages": [], "next_page_token": token}))
    assert "no end" in await _failed(house, there)


async def test_a_page_of_more_than_a_thousand_is_refused(
    house: Bed, there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answers(there, monkeypatch, itertools.repeat({"messages": [{}] * 1_001}))
    assert "1,001 on a page" in await _failed(house, there)


async def test_an_answer_that_would_fill_the_memory_is_not_read(
    house: Bed, there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_MAX_NESTS", 1_000)
    _answers(there, monkeypatch, itertools.repeat({"messages": [[] for _ in range(1_000)]}))
    assert "more values than are read" in await _failed(house, there)


def _draft(there: There, *sizes: int) -> None:
    files = [{"attachment_id": f"f{n}"} for n in range(len(sizes))]
    there.drafts[BOX] = [{"draft_id": "d", "text": "t", "attachments": files}]
    there.files = {f"f{n}": b"x" * size for n, size in enumerate(sizes)}


async def test_the_files_of_a_draft_are_fetched_as_far_as_one_message_holds_them(
    house: Bed, there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(house.desk.house, "max_message_bytes", 10_000)
    _draft(there, 6_000, 6_000, 6_000)
    assert "over 10000 bytes together" in await _failed(house, there)
    assert not any(path.startswith("/bytes/f2") for path, _key in there.asked)
    _draft(there, 4_000, 4_000)
    assert _counts(await _move(house, there), "drafts") == {"imported": 1}


async def test_a_draft_of_too_many_files_is_named_before_any_is_fetched(house: Bed, there: There) -> None:
    _draft(there, *[1] * 101)
    assert "101 files, over 100" in await _failed(house, there)
    assert not any(path.startswith("/bytes/") for path, _key in there.asked)


def test_failures_and_notes_without_end_are_counted_and_the_first_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tally, "MAX_KEPT", 3)
    made = Tally()
    for n in range(5):
        made.fail("a@b", "message", str(n), "x" * 5_000)
        made.note(f"note {n}")
    made.print(as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert ([f["id"] for f in told["failures"]], told["failures_not_listed"]) == (["0", "1", "2"], 2)
    assert told["messages"] == {"failed": 5}
    assert len(told["failures"][0]["reason"]) == 1_000
    assert told["notes"] == ["note 0", "note 1", "note 2"]
