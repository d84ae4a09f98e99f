"""How often the API keys of one family may ask: a token bucket for each, in this process, kept in memory.

It knows no face: what counts as a request is said where one comes in. The local owner shows no key and is not counted.
"""

from collections.abc import Callable
from math import ceil

from postroom.model.errors import TooManyRequests
from postroom.model.tenant import Actor

_FAMILIES = 10_000  # that are remembered at once; the one forgotten first is the one that has asked longest ago


class Rates:
    """A bucket holds `burst` requests and gets `rate` a second back; `clock` gives UTC milliseconds. Rate 0: no limit.

    Of a bucket only the moment is kept at which it will be full again (the generic cell rate algorithm).
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], int]) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._cost = 1000 / rate if rate else 0.0  # milliseconds in which one request comes back, as the next two
        self._depth = self._cost * burst
        self._room = self._depth - self._cost
        self._full_at: dict[str, float] = {}

    def take(self, actor: Actor) -> None:
        """Count a request of whoever acts by a key, with those of its family (`families.py`).

        Raises:
            TooManyRequests: the bucket is empty; says when the next one is let in. It was not counted.
        """
        name = actor.family or actor.api_key_id
        if name is None or not self._cost:
            return
        now = self._clock()
        known = self._full_at
        full_at = known.pop(name, now)  # taken out and put in: the last is who asked last
        # Later than an empty one is full again, it was kept before the clock was set back: nobody is shut out for that.
        if full_at < now or full_at > now + self._depth:
            full_at = now
        if (wait := full_at - now - self._room) > 0:
            known[name] = full_at
            raise self._spent(wait)
        known[name] = full_at + self._cost
        if len(known) > _FAMILIES:
            del known[next(iter(known))]

    def _spent(self, wait: float) -> TooManyRequests:
        seconds = max(1, ceil(wait / 1000))
        return TooManyRequests(
            f"The rate of this key is spent: 0 of {self._burst} requests are left, {self._rate:g} a second come back.",
            fix=f"Go on in {seconds} s. Nothing was done.",
            retry_after=seconds,
        )
