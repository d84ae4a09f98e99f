"""What clients of earlier years ask and expect otherwise: the moments of events by kind, the bytes of a message.

It turns their requests and answers into those of today; it knows no operation of its own.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from starlette.responses import RedirectResponse

from postroom.http.agentmail import wire
from postroom.http.route import Call
from postroom.service.links import Links

_NAMED = {"start_timestamp": "start", "end_timestamp": "end"}
_NEVER = "message.delayed"  # an event that no server tells any more
_MESSAGE = "message."
Show = Callable[[Any, Call, Links], Any]


def ranged(reading: Callable[[Call], Mapping[str, Any]]) -> Callable[[Call], Mapping[str, Any]]:
    """Return `reading` so that it also takes a range by its earlier names."""

    @wraps(reading)
    def read(call: Call) -> Mapping[str, Any]:
        given = dict(reading(call))
        given |= {today: call.first[name] for name, today in _NAMED.items() if call.first.get(name, "") != ""}
        if _NEVER in (kinds := given.get("event_types", [])):
            given["event_types"] = [kind for kind in kinds if kind != _NEVER]
        return given

    return read


def grouped(show: Show) -> Show:
    """Return `show` of events so that `message` has their moments as well, by the last word of their type."""

    @wraps(show)
    def shown(result: Any, call: Call, links: Links) -> Any:
        asked = call.strings("event_types")
        moments = {
            kind.removeprefix(_MESSAGE): [wire.moment(at) for at, count in points for _ in range(count)]
            for kind, points in result.items()
            if points and kind.startswith(_MESSAGE) and (kind in asked or not asked)
        }
        return {**show(result, call, links), "message": moments}

    return shown


def streamed(show: Show) -> Show:
    """Return `show` of a signed address so that clients that want the bytes themselves are sent to it."""

    @wraps(show)
    def shown(result: Any, call: Call, links: Links) -> Any:
        answer = show(result, call, links)
        return RedirectResponse(answer["download_url"], 307) if _wants_bytes(call) else answer

    return shown


def _wants_bytes(call: Call) -> bool:
    """Say whether the Python client is one before 0.3: since then it reads the address out of a body."""
    if call.headers.get("x-fern-language", "").lower() != "python":
        return False
    major, _dot, rest = call.headers.get("x-fern-sdk-version", "").partition(".")
    minor = rest.partition(".")[0]
    return major == "0" and minor.isdigit() and int(minor) < 3
