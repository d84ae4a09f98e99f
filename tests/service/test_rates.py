"""A key has a rate: a bucket that refills, one for a family of keys, none for who shows no key."""

from pathlib import Path

import pytest

from postroom.config import Settings
from postroom.model.errors import TooManyRequests
from postroom.model.tenant import SYSTEM, Actor, Reach
from postroom.service import rates
from postroom.service.keyring import KeyRing
from postroom.service.rates import Rates
from postroom.store.watch import Watch
from tests.fakes.bed import Bed
from tests.fakes.clock import HOUR, FakeClock

AGENT = ["api_key_create", "api_key_read", "inbox_read"]


def _actor(key: str, family: str | None = None) -> Actor:
    return Actor(reach=Reach(org_id="org"), api_key_id=key, family=family)


def _let_in(bucket: Rates, actor: Actor) -> int:
    """Ask until it is refused; return how often it was not."""
    for count in range(1000):
        try:
            bucket.take(actor)
        except TooManyRequests:
            return count
    raise AssertionError("it is never refused")


@pytest.fixture
def metered(home: Path, clock: FakeClock, migrated: Path) -> Bed:
    """A house whose keys may ask four times at once."""
    return Bed(home, clock, migrated, key_rate=1, key_burst=4)


def test_a_bucket_holds_so_many_requests_and_refills_by_the_rate(clock: FakeClock) -> None:
    bucket = Rates(2, 5, clock)
    assert _let_in(bucket, _actor("a")) == 5
    clock.advance(499)
    assert _let_in(bucket, _actor("a")) == 0
    clock.advance(1)
    assert _let_in(bucket, _actor("a")) == 1
    clock.advance(1500)
    assert _let_in(bucket, _actor("a")) == 3
    clock.advance(HOUR)
    assert _let_in(bucket, _actor("a")) == 5


def test_a_spent_rate_says_in_whole_seconds_when_to_go_on_and_how_much_is_left(clock: FakeClock) -> None:
    bucket = Rates(0.4, 1, clock)
    bucket.take(_actor("a"))
    for waited, seconds in ((0, 3), (1400, 2), (1000, 1)):
        clock.advance(waited)
        with pytest.raises(TooManyRequests) as refused:
            bucket.take(_actor("a"))
        assert refused.value.retry_after == seconds
        said = f"0 of 1 requests are left, 0.4 a second come back. Go on in {seconds} s. Nothing was done."
        assert str(refused.value) == f"The rate of this key is spent: {said}"


def test_a_rate_of_thousands_asks_for_a_second_of_patience_at_least(clock: FakeClock) -> None:
    bucket = Rates(3000, 7, clock)
    assert _let_in(bucket, _actor("a")) == 7
    with pytest.raises(TooManyRequests) as refused:
        bucket.take(_actor("a"))
    assert refused.value.retry_after == 1
    clock.advance(1)
    assert _let_in(bucket, _actor("a")) == 3


def test_two_keys_do_not_share_and_two_of_a_family_do(clock: FakeClock) -> None:
    bucket = Rates(1, 3, clock)
    assert _let_in(bucket, _actor("a")) == 3
    assert _let_in(bucket, _actor("b")) == 3
    assert _let_in(bucket, _actor("c", family="a")) == 0


def test_who_shows_no_key_is_not_counted_and_nobody_is_where_the_rate_is_0(clock: FakeClock) -> None:
    bucket, unlimited = Rates(1, 1, clock), Rates(0, 1, clock)
    for _ in range(10):
        bucket.take(SYSTEM)
        bucket.take(Actor(reach=Reach(org_id="org")))
        unlimited.take(_actor("a"))


def test_a_clock_that_is_set_back_shuts_nobody_out(clock: FakeClock) -> None:
    bucket = Rates(1, 3, clock)
    assert _let_in(bucket, _actor("a")) == 3
    clock.advance(-HOUR)
    assert _let_in(bucket, _actor("a")) == 3


def test_no_more_families_are_remembered_than_the_bound(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_FAMILIES", 10)
    bucket = Rates(1, 2, clock)
    assert _let_in(bucket, _actor("busy")) == 2
    for number in range(50):
        bucket.take(_actor(f"key_{number}"))
        assert _let_in(bucket, _actor("busy")) == 0
    assert len(bucket._full_at) == 10


def test_the_burst_is_what_ten_seconds_give_where_it_is_not_set(home: Path) -> None:
    assert Settings(home=home).burst == 20_000
    assert Settings(home=home, key_rate=0.01).burst == 1
    assert Settings(home=home, key_rate=5).burst == 50
    assert Settings(home=home, key_rate=5, key_burst=7).burst == 7


async def test_a_key_does_not_escape_its_rate_by_making_keys_and_an_owners_keys_are_counted_each(metered: Bed) -> None:
    owner = await metered.key()
    first, second = [await metered.key(owner, permissions=AGENT) for _ in range(2)]
    child = await metered.key(first, permissions=AGENT)
    grandchild = await metered.key(child, permissions=["inbox_read"])
    assert [one.family for one in (owner, first, second)] == [None] * 3
    assert [child.family, grandchild.family] == [first.api_key_id] * 2
    take = metered.desk.rates.take
    for actor in (grandchild, child, first, first):
        take(actor)
    for actor in (grandchild, child, first):
        with pytest.raises(TooManyRequests):
            take(actor)
    await metered.call("keys.delete", api_key_id=first.api_key_id)
    with pytest.raises(TooManyRequests):
        take(child)
    for actor in (owner, second):
        for _ in range(4):
            take(actor)


async def test_a_key_that_an_owner_makes_within_an_inbox_is_counted_by_itself(metered: Bed) -> None:
    inbox, owner, bound = await metered.inbox(), await metered.key(), await metered.key()
    await metered.call("policies.set", api_key_id=bound.api_key_id, recipients="open")
    within = {"reach": Reach(org_id=inbox.org_id, pod_id=inbox.pod_id, inbox_id=inbox.inbox_id)}
    made = [await metered.key(maker.model_copy(update=within)) for maker in (owner, bound)]
    assert [one.family for one in made] == [None, bound.api_key_id]


async def test_a_key_that_is_asked_for_again_is_not_counted_and_one_that_is_let_in_is(metered: Bed) -> None:
    secret = (await metered.call("keys.create")).api_key
    watch = Watch(metered.database)
    try:
        ring = KeyRing(metered.desk, watch.version)
        for _ in range(10):
            await ring.actor(secret)
        for _ in range(4):
            await ring.admit(secret)
        with pytest.raises(TooManyRequests):
            await ring.admit(secret)
    finally:
        watch.close()
