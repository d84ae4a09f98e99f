"""How long who is wrong waits, and where the port that asks may listen."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from postroom.config import Settings
from postroom.mta import authentication
from postroom.mta.authentication import Delays
from postroom.mta.limits import counted_as


def test_each_wrong_answer_of_a_peer_costs_it_twice_as_long_up_to_a_bound() -> None:
    delays = Delays(first=0.5, longest=20)
    assert [delays.next("a", now) for now in range(8)] == [0.5, 1, 2, 4, 8, 16, 20, 20]
    assert delays.next("b", 8) == 0.5
    assert [delays.next("a", 600 + 7), delays.next("a", 600 + 7 + 601)] == [20, 0.5]
    assert max(delays.next("c", 0) for _ in range(5000)) == 20


def test_peers_are_forgotten_oldest_first_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "_REMEMBERED", 2)
    delays = Delays(first=1, longest=100)
    assert [delays.next(peer, 0) for peer in "abacba"] == [1, 1, 2, 1, 1, 1]


def test_loopback_is_one_peer_where_it_is_counted() -> None:
    assert (counted_as("127.0.0.1"), counted_as("127.0.0.1", loopback=True)) == (None, "127.0.0.1")


@pytest.mark.parametrize("given", ["0.0.0.0:2587", "[::]:2587", "192.168.1.2:2587", "mail.example.com:2587"])
def test_submission_listens_on_loopback_alone(tmp_path: Path, given: str) -> None:
    with pytest.raises(ValidationError, match="is not a loopback address"):
        Settings(home=tmp_path, submission=given)


@pytest.mark.parametrize("given", ["127.0.0.1:2587", "127.1.2.3:0", "[::1]:2587", "localhost:2587"])
def test_submission_has_any_loopback_address(tmp_path: Path, given: str) -> None:
    assert str(Settings(home=tmp_path, submission=given).submission_endpoint) == given
    assert Settings(home=tmp_path).submission_endpoint is None
