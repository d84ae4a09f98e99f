"""Families of API keys: the key of an agent with all that it makes, and they make, is one hand, whatever becomes of its
keys. An owner's key begins a family with each key that it makes. Judges no message and no approval.
"""

from collections.abc import Sequence

from postroom.model.policy import Policy, hand
from postroom.service.operation import Context
from postroom.store.queries import keys
from postroom.store.queries import policies as queries


def note(context: Context, api_key_id: str) -> None:
    """Write down of whose family a new key is, where an agent's key makes it."""
    maker = context.actor.api_key_id
    if maker is not None and not _is_owners(context, maker):
        context.tx.insert(queries.ADD_FAMILY, {"api_key_id": api_key_id, "family": of(context, maker)})


def of(context: Context, api_key_id: str) -> str:
    """Return the first key of a key's family, of a deleted one too."""
    return context.tx.one(queries.FAMILY, api_key_id=api_key_id) or api_key_id


def is_one(context: Context, first: str, second: str) -> bool:
    """Tell whether two keys are of one family."""
    return first == second or of(context, first) == of(context, second)


def own_policies(context: Context, by: Sequence[str]) -> list[Policy]:
    """Return the policies of keys themselves, wherever they are: what binds a key does not end where a reach does."""
    return [one for four in queries.by_fours(by) for one in context.tx.all(queries.OF_PLACES, **four)]


def _is_owners(context: Context, maker: str) -> bool:
    """Tell whether the actor's key may do everything in its whole organization, the keeping of policies too: no wall
    stands before it that it could not take down.
    """
    # The key itself is asked for, and its policies wherever they are: a path may have narrowed the reach of its actor.
    key = context.tx.one(keys.STANDING, id=maker)
    is_whole = key is not None and key.permissions is None and key.pod_id is None and key.inbox_id is None
    if not is_whole or of(context, maker) != maker:
        return False
    return not own_policies(context, hand(context.actor))
