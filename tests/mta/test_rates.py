"""The rate of a key over SMTP: a login is a request, and so is a message; what is over it comes back later."""

from pathlib import Path

import pytest

from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.mta.submitting import AGENT, BEGIN, b64, letter, port_of, to_data

SPENT = "The rate of this key is spent: 0 of 2 requests are left, 0.5 a second come back. Go on in 2 s."


@pytest.fixture
def metered(home: Path, clock: FakeClock, migrated: Path) -> Bed:
    """A house whose keys may ask twice at once, and once in two seconds from there on."""
    return Bed(home, clock, migrated, key_rate=0.5, key_burst=2)


async def test_a_message_over_the_rate_is_451_and_taken_in_the_same_session_later(
    metered: Bed, clock: FakeClock
) -> None:
    async with port_of(metered) as it:
        peer = await it.entered(to_data())
        await peer.say(letter() + b".\r\n")
        assert (await peer.reply()).startswith("250 ")
        await peer.say(f"MAIL FROM:<{AGENT}>\r\n".encode())
        assert (await peer.reply()).startswith(f"451 4.7.0 {SPENT}")
        clock.advance(2000)
        await peer.play(to_data())
        await peer.say(letter(message_id="<two@client.test>") + b".\r\n")
        assert (await peer.reply()).startswith("250 ")
        assert len(await it.sent()) == 2


async def test_a_login_over_the_rate_is_454_and_counts_as_no_wrong_try(metered: Bed, clock: FakeClock) -> None:
    async with port_of(metered, tries=1) as it:
        actor = await metered.house.actor(it.key)
        for _ in range(2):
            metered.desk.rates.take(actor)
        peer = await it.play(BEGIN)
        plain = f"AUTH PLAIN {b64('', AGENT, it.key)}\r\n".encode()
        await peer.say(plain)
        assert (await peer.reply()).startswith(f"454 4.7.0 {SPENT}")
        clock.advance(2000)
        await peer.say(plain)
        assert (await peer.reply()).startswith("235 2.7.0")
