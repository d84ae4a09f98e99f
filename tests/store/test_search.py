"""The search index by itself: what words find, in which scripts, and that no query breaks out of its column."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroom.model.errors import InvalidInput
from postroom.model.tenant import Reach
from postroom.store import search
from postroom.store.sqlite import DIALECT
from postroom.store.transaction import Transaction

INBOX = "inb_00000000000000000000000001"
OTHER = "inb_00000000000000000000000002"
_FOREVER: dict[str, Any] = {"below": 2**62, "since": 0, "until": 2**62, "n": 50}


class Index:
    """An index over a database of its own, and the rows of messages that its queries join."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.transaction = Transaction(connection, DIALECT, Reach.EVERYWHERE, 1)
        self._connection = connection

    def add(
        self, seq: int, body: str = "", subject: str = "", people: str = "", inbox: str = INBOX, at: int = 1
    ) -> None:
        columns = [row[1] for row in self._connection.execute("PRAGMA table_info(message)")]
        values = dict.fromkeys(columns, "") | {"seq": seq, "id": f"{seq}", "timestamp": at, "inbox_id": inbox}
        marks = ", ".join("?" * len(columns))
        self._connection.execute(f"INSERT INTO message VALUES ({marks})", [values[name] for name in columns])
        search.index(self.transaction, [(seq, inbox, subject, people, body)])

    def find(self, query: str, inbox: str = INBOX, **limits: int) -> list[int]:
        return list(search.find(self.transaction, inbox, query, **{**_FOREVER, **limits}))


@pytest.fixture
def index(tmp_path: Path, migrated: Path) -> Iterator[Index]:
    """An empty index."""
    with contextlib.closing(sqlite3.connect(copyfile(migrated, tmp_path / "index.db"))) as connection:
        yield Index(connection)


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ("The quick brown fox", "quick fox"),
        ("The quick brown fox", '"quick brown"'),
        ("The quick brown fox", "QUI"),
        ("Café crème à Zürich", "cafe creme zurich"),
        ("Cafe creme", "café"),
        ("Straße", "straße"),
        ("Привет, мир", "привет"),
        ("Καλημέρα κόσμε", "καλημέρα"),
        ("会議は明日の午後三時です", "明日"),
        ("会議は明日の午後三時です", "午後三時"),
        ("我们明天在北京开会", "北京"),
        ("ประชุมพรุ่งนี้", "พรุ่งนี้"),
        ("서울에서 만나요", "서울"),
        ("Write to dave.o'hara+x@mail.example.com now", "dave.o'hara+x@mail.example.com"),
        ("Order 2024-11-07/3 costs 1.234,50", "2024-11-07/3"),
        ("C++ and C# and .NET", "c++"),
        ("mixed 日本 text", "mixed 日本"),
        ("emoji 🎉 party", "party"),
        ("Η Αθήνα είναι πόλη", "αθηνα"),
        ("αθηνα", "Αθήνα"),
        ("ΑΘΗΝΑΣ", "Αθήνας"),
        ("της Αθήνας", '"ΤΗΣ ΑΘΗΝΑΣ"'),
        ("Μαΐου", "μαιου"),
        ("Αθη\u0301να", "Αθήνα"),
        ("τῷ θεῷ", "τω θεω"),
        ("Ёлка и ещё", "елка еще"),
        ("елка", "ёлка"),
        ("Зи\u0301мний за\u0301мок", "зимний замок"),
        ("чаи\u0306", "чай"),
        ("Cafe\u0301 cre\u0300me", "café crème"),
        ("मेरा हिन्दी पत्र", "हिन्दी"),
    ],
)
def test_words_find_the_text_that_has_them(index: Index, body: str, query: str) -> None:
    index.add(1, body)
    index.add(2, "nothing of the kind")
    assert index.find(query) == [1]


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ("The quick brown fox", '"quick fox"'),
        ("The quick brown fox", "quick wolf"),
        ("The quick brown fox", "uick"),
        ("会議は明日の午後三時です", "昨日"),
        ("我们明天在北京开会", "京北"),
        ("чаи", "чай"),
        ("чай", "чаи\u0301"),
        ("киiв", "київ"),
    ],
)
def test_words_that_are_not_there_find_nothing(index: Index, body: str, query: str) -> None:
    index.add(1, body)
    assert index.find(query) == []


def test_subject_and_people_are_searched_as_the_body_is(index: Index) -> None:
    index.add(1, subject="Grüße aus 東京", people="Dave <dave@example.com>")
    assert [index.find(q) for q in ("grusse", "grüße", "東京", "dave@example.com", "grüße dave")] == [
        [],
        [1],
        [1],
        [1],
        [1],
    ]


def test_an_operator_of_the_index_is_a_word_like_others(index: Index) -> None:
    index.add(1, "salt and pepper or not near")
    index.add(2, "salt")
    for query in ("salt AND pepper", "pepper OR salt", "salt NOT near", "NEAR(salt pepper)", "body:salt pepper*"):
        assert 2 not in index.find(query), query
    assert index.find("salt OR") == [1]


@pytest.mark.parametrize("query", ["", " ", '"', '""', "!!!", "*", "-- ;", '" "', "\x00", "()", "🎉"])
def test_a_query_without_a_word_is_refused(index: Index, query: str) -> None:
    with pytest.raises(InvalidInput, match="no word"):
        index.find(query)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8"), max_size=60) | st.text('"*:()^+-{} ANDORNOTinboxbody\x00', max_size=60))
def test_no_query_fails_in_the_index_or_leaves_its_inbox(index: Index, query: str) -> None:
    if not index._connection.execute("SELECT 1 FROM message").fetchone():
        index.add(1, "inbox body and or not", inbox=OTHER)
    with contextlib.suppress(InvalidInput):
        assert index.find(query) == []


def test_the_newest_come_first_and_the_next_page_is_below(index: Index) -> None:
    for seq in range(1, 8):
        index.add(seq, "word", at=seq * 10)
    assert index.find("word", n=3) == [7, 6, 5]
    assert index.find("word", n=3, below=5) == [4, 3, 2]
    assert index.find("word", since=20, until=50) == [4, 3, 2]


def test_names_are_found_in_every_script(index: Index) -> None:
    index.add(1, people="Αθηνά Παπαδοπούλου <a@example.com> 田中太郎 <t@example.com>")
    assert [index.find(q) for q in ("αθηνα", "παπαδοπουλου", "太郎")] == [[1], [1], [1]]


def test_a_letter_with_a_million_accents_is_indexed_in_no_time(index: Index) -> None:
    begun = time.thread_time()
    index.add(1, "a" + "\u0301\u0316" * 500_000)
    assert index.find("a" + "\u0301\u0316" * 200) == [1]
    assert time.thread_time() - begun < 2


def test_what_was_forgotten_is_found_no_more(index: Index) -> None:
    index.add(1, "keep 明日", subject="first")
    index.add(2, "lose 明日 Αθήνα", subject="second", people="Ёжиков")
    search.forget(index.transaction, (2, INBOX, "second", "Ёжиков", "lose 明日 Αθήνα"))
    assert [index.find(q) for q in ("lose", "second", "keep", "明日")] == [[], [], [1], [1]]
    index._connection.execute("INSERT INTO message_search(message_search) VALUES ('integrity-check')")


def test_a_body_beyond_the_limit_is_indexed_up_to_it_and_forgotten_whole(index: Index) -> None:
    body = "start " + "filler " * (search.MAX_BODY // 7) + " tail"
    index.add(1, body)
    assert (index.find("start"), index.find("tail")) == ([1], [])
    search.forget(index.transaction, (1, INBOX, "", "", body))
    assert index.find("start") == []


def test_a_query_of_very_many_words_is_bounded(index: Index) -> None:
    index.add(1, " ".join(f"w{n}" for n in range(500)))
    assert index.find(" ".join(f"w{n}" for n in range(500))) == [1]
