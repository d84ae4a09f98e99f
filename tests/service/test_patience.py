"""Wrong tries make their peer wait, also when they come at once; how often a peer may ask is bounded."""

import pytest

from postroom.model.errors import TooMany
from postroom.service import patience
from postroom.service.patience import FIRST_MS, LONGEST_MS, Patience, Quota
from tests.fakes.clock import FakeClock


def test_tries_at_once_are_not_faster_than_one_after_the_other(clock: FakeClock) -> None:
    waiting = Patience(clock)
    waiting.begin("192.0.2.1")
    for _ in range(3):
        with pytest.raises(TooMany, match="1 s"):
            waiting.begin("192.0.2.1")
    clock.advance(FIRST_MS)
    waiting.begin("192.0.2.1")


def test_the_wait_doubles_up_to_a_minute(clock: FakeClock) -> None:
    waiting = Patience(clock)
    for tries in range(20):
        waiting.begin("192.0.2.1")
        clock.advance(min(FIRST_MS << tries, LONGEST_MS))


def test_all_addresses_of_one_network_are_one_peer(clock: FakeClock) -> None:
    waiting = Patience(clock)
    waiting.begin("2001:db8::1")
    with pytest.raises(TooMany):
        waiting.begin("2001:db8::ffff")
    waiting.begin("2001:db8:0:1::1")


def test_no_more_peers_are_remembered_than_the_bound(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_PEERS", 10)
    waiting, quota = Patience(clock), Quota(clock, 1, 1000)
    for number in range(50):
        waiting.begin(f"192.0.2.{number}")
        quota.take(f"192.0.2.{number}")
    assert (len(waiting._wrong), len(quota._asked)) == (10, 10)


def test_a_window_gives_so_many_and_then_the_next(clock: FakeClock) -> None:
    quota = Quota(clock, 2, 1000)
    quota.take("a")
    clock.advance(999)
    quota.take("a")
    quota.take("b")
    with pytest.raises(TooMany):
        quota.take("a")
    clock.advance(1)
    quota.take("a")
