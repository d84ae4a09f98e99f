"""Two organizations that have one of everything at every place, each text of it with a marker of its own, and a client
quick enough to try every route with every key on all of them.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote

import orjson

from postroom.model.tenant import Actor, Reach
from tests.compat.official import app
from tests.fakes.bed import Bed
from tests.fakes.clock import HOUR, FakeClock
from tests.fakes.mail import mail

WORD = "quarterly"  # stands in every message and in the name of every inbox
_FILE = base64.b64encode(b"words of a file").decode()
_numbers = count()


@dataclass(frozen=True)
class Answer:
    """What came back: the status and the text."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.text)


@dataclass
class Site:
    """An organization, a pod or an inbox, and one of each kind of thing that lies there and nowhere deeper.

    `ids` gives by the name of a path's parameter the spellings of the thing's id, `markers` what no other site says.
    """

    name: str
    reach: Reach
    marker: str
    ids: dict[str, tuple[str, ...]] = field(default_factory=dict)
    markers: list[str] = field(default_factory=list)

    def is_within(self, reach: Reach) -> bool:
        """Tell whether all of it is in reach."""
        mine = (self.reach.org_id, self.reach.pod_id, self.reach.inbox_id)
        return all(w in (None, m) for w, m in zip((reach.org_id, reach.pod_id, reach.inbox_id), mine, strict=True))

    def id(self, parameter: str, spelling: int = 0) -> str:
        spellings = self.ids[parameter]
        return spellings[min(spelling, len(spellings) - 1)]


@dataclass(frozen=True)
class Key:
    """A key to try: `is_whole` where it has all permissions and has not ended."""

    name: str
    secret: str
    reach: Reach
    is_whole: bool = True


class World:
    """The sites of both organizations, and the keys of the first one."""

    def __init__(self, house: Bed, clock: FakeClock) -> None:
        self.house = house
        self.clock = clock
        self.sites: list[Site] = []
        self.keys: list[Key] = []
        self._app = app(house)

    async def build(self) -> "World":
        """Make everything; nothing is under way when this returns."""
        for name, owner in (("amber", self.house.owner), ("basalt", await self.house.stranger())):
            await self._organization(name, owner)
        await self.house.settled()
        await self.house.indexed()
        for site in self.sites:  # the last, so that nothing is told to them
            await self._webhook(site)
        self.clock.advance(HOUR)
        await self._used()
        return self

    async def _used(self) -> None:
        """Use every key once: that it was used is noted once a minute, and the clock stands."""
        lasting = [key for key in self.keys if (await self.ask(key, "GET", "/auth/me")).status == 200]
        noted = "SELECT count(*) FROM api_key WHERE used_at IS NOT NULL"
        await self.house.until(lambda: self.house.rows(noted) == [(len(lasting),)])

    def site(self, name: str) -> Site:
        return next(site for site in self.sites if site.name == name)

    def foreign(self, reach: Reach) -> list[Site]:
        """Return the sites that `reach` does not cover."""
        return [site for site in self.sites if not site.is_within(reach)]

    def leaked(self, text: str, reach: Reach, but: Sequence[str] = ()) -> list[str]:
        """Return the markers of sites out of reach in a text, except those in `but`."""
        return [m for site in self.foreign(reach) for m in site.markers if m in text and m not in but]

    async def ask(
        self, key: Key, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask below /v0, without a socket or a client in between; `path` is as it stands on the wire."""
        raw, _mark, query = f"/v0{path}".partition("?")
        content = b"" if body is None else orjson.dumps(body)
        named = {"authorization": f"Bearer {key.secret}", **(headers or {})}
        scope = {
            "type": "http",
            "method": method,
            "path": raw,
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return Answer(sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:]).decode())

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows of all tables."""
        names = [name for (name,) in self.house.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(self.house.rows(f"SELECT * FROM {name}"), key=repr) for name in names}

    async def _organization(self, name: str, owner: Actor) -> None:
        org = self._site(name, owner.reach)
        default, *_others = (await self.house.call("pods.list", owner)).items
        marker = _marker(name)
        side = await self.house.call("pods.create", owner, name=marker, client_id=marker)
        await self._place(org)
        for letter, pod in (("a", default), ("b", side)):
            site = self._site(f"{name}.{letter}", Reach(org_id=pod.org_id, pod_id=pod.pod_id))
            site.ids["pod_id"] = (pod.pod_id,)
            site.markers += [pod.pod_id, *([marker] if pod is side else [])]
            await self._place(site)
            for number in (1, 2) if letter == "a" else (1,):
                await self._inbox(site, f"{name}.{letter}{number}")
        if name == "amber":
            await self._keys(owner)

    def _site(self, name: str, reach: Reach) -> Site:
        marker = _marker(name)
        site = Site(name, reach, marker, markers=[marker])
        self.sites.append(site)
        return site

    async def _place(self, site: Site) -> None:
        """Put there what lies in an organization, a pod or an inbox alike."""
        actor = Actor(reach=site.reach)
        made = await self.house.call("keys.create", actor, name=site.marker)
        site.ids["api_key_id"] = (made.key.api_key_id,)
        site.markers += [made.key.prefix, made.key.api_key_id]
        entry = {"direction": "send", "type": "block"}
        await self.house.call("lists.create", actor, **entry, entry=f"{site.marker}@listed.example", reason=site.marker)
        site.ids |= {name: (value,) for name, value in entry.items()} | {"entry": (f"{site.marker}@listed.example",)}
        if site.reach.inbox_id is None:
            domain = await self.house.call("domains.create", actor, domain=f"{site.marker}.example.com")
            site.ids["domain_id"] = (domain.domain, domain.id)
            site.markers.append(domain.id)

    async def _inbox(self, pod: Site, name: str) -> None:
        marker = _marker(name)
        inbox = await self.house.inbox(
            marker,
            Actor(reach=pod.reach),
            display_name=f"{WORD} {marker}",
            client_id=marker,
            metadata={"note": marker},
        )
        reach = Reach(org_id=inbox.org_id, pod_id=inbox.pod_id, inbox_id=inbox.inbox_id)
        site = Site(name, reach, marker, markers=[marker, inbox.inbox_id])
        self.sites.append(site)
        site.ids |= {"pod_id": pod.ids["pod_id"], "inbox_id": (inbox.address, inbox.inbox_id)}
        await self._place(site)
        await self._mail(site, inbox.address)

    async def _mail(self, site: Site, address: str) -> None:
        actor, m = Actor(reach=site.reach), site.marker
        raw = mail(
            sender=f"{m}@sender.example", subject=f"{WORD} {m}", text=f"{WORD} {m}", files={f"{m}.txt": b"words"}
        )
        taken = await self.house.take(raw, address, envelope_from=f"{m}@sender.example")
        message = await self.house.message(address, next(iter(taken.filed.values())), actor)
        await self.house.call(
            "messages.update", actor, inbox_id=address, message_id=message.id, add_labels=[m], remove_labels=["unread"]
        )
        draft = await self.house.call(
            "drafts.create",
            actor,
            inbox_id=address,
            subject=m,
            text=m,
            to=[f"{m}@reader.example"],
            client_id=m,
            labels=[m],
            attachments=[{"content": _FILE, "filename": f"{m}.txt"}],
        )
        site.ids |= {
            "message_id": (message.message_id, message.id),
            "thread_id": (message.thread_id,),
            "draft_id": (draft.draft_id,),
            "attachment_id": (message.attachments[0].attachment_id, draft.attachments[0].attachment_id),
        }
        site.markers += [message.id, message.thread_id, draft.draft_id]

    async def _webhook(self, site: Site) -> None:
        url = f"https://{site.marker}.example/hook"
        headers = {f"X-{site.marker}": site.marker}
        hook = await self.house.call(
            "webhooks.create", Actor(reach=site.reach), url=url, client_id=site.marker, headers=headers
        )
        site.ids["webhook_id"] = (hook.webhook_id,)
        site.markers += [hook.secret, hook.webhook_id]

    async def _keys(self, owner: Actor) -> None:
        reaches = {"organization": "amber", "pod": "amber.a", "inbox": "amber.a1"}
        for name, site in reaches.items():
            await self._key(name, Actor(reach=self.site(site).reach))
        await self._key("few permissions", owner, permissions=["metrics_read"])
        await self._key("reading pod", Actor(reach=self.site("amber.a").reach), permissions=["inbox_read", "pod_read"])
        await self._key("ended", owner, expires_at=self.clock.now + HOUR)

    async def _key(self, name: str, actor: Actor, **given: Any) -> None:
        self.keys.append(await self.key(name, actor.reach, **given))

    async def key(self, name: str, reach: Reach, **given: Any) -> Key:
        """Make a key that reaches so far."""
        made = await self.house.call("keys.create", Actor(reach=reach), name=name, **given)
        return Key(name, made.api_key, reach, not given)


def _marker(name: str) -> str:
    return f"mk{next(_numbers):03d}{name.replace('.', '')}z"


def on_the_wire(value: str) -> str:
    """Return an id as the clients put it into a path."""
    return quote(value, safe="@")
