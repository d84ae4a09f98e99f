"""Confines who asks to a pod or an inbox within their reach, for what belongs to the innermost of them: lists, keys,
webhooks, figures. It widens nothing.
"""

from typing import TYPE_CHECKING

from postroom.model.errors import InvalidInput
from postroom.model.inbox import Inbox
from postroom.model.tenant import Actor, Pod, Reach
from postroom.service.inboxes import InboxRef
from postroom.service.pods import PodRef

if TYPE_CHECKING:
    from postroom.service.desk import Desk


async def narrowed(desk: "Desk", actor: Actor, *, inbox_id: str | None = None, pod_id: str | None = None) -> Actor:
    """Return the actor as far as an inbox (public id) or a pod reaches; as it is where neither is named.

    Raises:
        InvalidInput: both are named.
        NotFound: it is out of reach.
    """
    if inbox_id is not None and pod_id is not None:
        raise InvalidInput.at("pod_id", "exclusive with inbox_id.", fix="Leave out either.")
    if inbox_id is not None:
        inbox: Inbox = await desk.call("inboxes.enter", actor, InboxRef(inbox_id=inbox_id))
        within = Reach(org_id=inbox.org_id, pod_id=inbox.pod_id, inbox_id=inbox.inbox_id)
        return actor.model_copy(update={"reach": within})
    if pod_id is None:
        return actor
    pod: Pod = await desk.call("pods.enter", actor, PodRef(pod_id=pod_id))
    return actor.model_copy(update={"reach": actor.reach.model_copy(update={"pod_id": pod.pod_id})})
