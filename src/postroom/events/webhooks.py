"""Tells webhooks: leases notifications, tries each over HTTP, signs as Svix does, records what came of it.

What a body says is its dialect's matter: the renderers are handed down. Any number of processes may run it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks.webhooks import EmptyWebhookSecretError
from standardwebhooks.webhooks import Webhook as Signer  # what svix.webhooks wraps, without its second of imports

from postroom.model.errors import PostroomError, Temporary
from postroom.model.tenant import SYSTEM
from postroom.model.webhook import Notification
from postroom.service.bells import Bells, heard
from postroom.service.desk import Desk
from postroom.service.log import Happening
from postroom.service.notifications import Holder, Lease, Outcome, Prepared, Trial
from postroom.service.operation import Nothing

log = logging.getLogger(__name__)
POLL_S = 5.0
RECLAIM_S = 0.5
AT_ONCE = 32  # tries under way in this process
TIMEOUT_S = 15.0  # Svix: an answer that is later is a failure
Renderers = Mapping[str, Callable[[Happening], bytes]]


@dataclass(frozen=True)
class Sent:
    """What a request said, and what came of it. `status` None: no answer came."""

    body: bytes
    status: int | None
    error: str | None


class WebhookSender:
    """`owner` is the name of this process on its leases, `is_alive` tells whether another's still runs."""

    def __init__(
        self, desk: Desk, bells: Bells, owner: str, is_alive: Callable[[str], bool], renderers: Renderers
    ) -> None:
        self._desk = desk
        self._bell = bells.listen("notification")
        self._owner = owner
        self._is_alive = is_alive
        self._renderers = renderers
        self._under_way: set[asyncio.Task[None]] = set()
        self._lost = False

    async def run(self) -> None:
        """Tell webhooks for ever."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await heard(self._bell, await self._turn(group))
        finally:
            self._under_way.clear()

    async def reclaim(self) -> None:
        """Give back, for ever, what processes held that are gone."""
        while True:
            try:
                for owner in await self._desk.call("notifications.owners", SYSTEM, Nothing()):
                    if not self._is_alive(owner):
                        await self._desk.call("notifications.give_back", SYSTEM, Holder(owner=owner))
            except Temporary as error:
                log.warning("reclaim waits error=%s", error)
            await asyncio.sleep(RECLAIM_S)

    async def _turn(self, group: asyncio.TaskGroup) -> float:
        """Begin what is due; return how long to wait for the bell, in seconds."""
        try:
            if self._lost and not self._under_way:
                # What could not be recorded is still leased to us.
                await self._desk.call("notifications.give_back", SYSTEM, Holder(owner=self._owner))
                self._lost = False
            if (wait := await self._next_due()) > 0:
                return wait
            while len(self._under_way) < AT_ONCE:
                claimed = await self._desk.call("notifications.claim", SYSTEM, Lease(owner=self._owner))
                for notification in claimed:
                    task = group.create_task(self._try(notification))
                    self._under_way.add(task)
                    task.add_done_callback(self._ended)
                if not claimed:
                    return RECLAIM_S if self._lost else await self._next_due() or RECLAIM_S
        except Temporary as error:
            log.warning("webhooks wait error=%s", error)
        return POLL_S

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._bell.set()

    async def _next_due(self) -> float:
        """Return in how many seconds something is due; 0 when it is now."""
        due_at = await self._desk.call("notifications.next_due", SYSTEM, Nothing())
        return POLL_S if due_at is None else min(POLL_S, max(0.0, (due_at - self._desk.clock()) / 1000))

    async def _try(self, notification: Notification) -> None:
        try:
            await self._try_once(notification)
        except Temporary as error:
            self._lost = True
            log.warning("webhook not recorded webhook=%s error=%s", notification.webhook_id, error)
        except Exception:  # one notification that cannot be told must not end the telling of all others
            log.exception("webhook failed webhook=%s", notification.webhook_id)
            await self._put_off(notification)

    async def _put_off(self, notification: Notification) -> None:
        outcome = Outcome(owner=self._owner, notification=notification, error="An error of ours; the log says more.")
        try:
            await self._desk.call("notifications.record", SYSTEM, outcome)
        except Temporary as error:
            self._lost = True
            log.warning("webhook not put off webhook=%s error=%s", notification.webhook_id, error)

    async def _try_once(self, notification: Notification) -> None:
        trial = {"owner": self._owner, "notification": notification}
        prepared: Prepared = await self._desk.call("notifications.prepare", SYSTEM, Trial(**trial))
        if prepared.webhook is None or prepared.happening is None:
            await self._desk.call("notifications.drop", SYSTEM, Outcome(**trial, error=prepared.reason))
            return
        sent = await self._send(notification, prepared)
        if sent.error is not None:
            log.warning("webhook not told webhook=%s error=%s", notification.webhook_id, sent.error)
        outcome = Outcome(**trial, status=sent.status, error=sent.error, body=sent.body)
        await self._desk.call("notifications.record", SYSTEM, outcome)

    async def _send(self, notification: Notification, prepared: Prepared) -> Sent:
        webhook, happening = prepared.webhook, prepared.happening
        assert webhook is not None  # the caller has looked
        assert happening is not None
        body = notification.body
        if body is None:
            body = self._renderers[webhook.dialect](happening)
        headers = signed(happening.event.event_id, body, prepared.secret, self._desk.clock())
        try:
            status = await self._desk.rooms.fetcher.post(
                webhook.url, body, headers={**prepared.headers, **headers}, timeout=TIMEOUT_S
            )
        except Temporary:
            raise
        except PostroomError as error:
            return Sent(body, None, error.message)
        return Sent(body, status, None if 200 <= status < 300 else f"It answered with status {status}.")


def _signer(secret: str) -> Signer:
    """Return what signs by a secret: what its base64 says, as the libraries of receivers read it; else its letters."""
    try:
        return Signer(secret)
    except (ValueError, EmptyWebhookSecretError):
        return Signer(secret.encode())


def signed(message_id: str, body: bytes, secret: str, now: int) -> dict[str, str]:
    """Return the headers by which a receiver knows that `body` is ours. `now` is UTC milliseconds; sent as seconds."""
    at = datetime.fromtimestamp(now // 1000, UTC)
    return {
        "content-type": "application/json",
        "svix-id": message_id,
        "svix-timestamp": str(now // 1000),
        "svix-signature": _signer(secret).sign(message_id, at, body.decode()),
    }
