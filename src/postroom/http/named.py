"""A dialect whose objects have names of their own: in a path they stand for inner ids, and in what went wrong too."""

from collections.abc import Mapping
from typing import Any

from postroom.http.dialect import Dialect, Manner
from postroom.http.names import Names
from postroom.http.route import Call, Route
from postroom.model.errors import InvalidInput, NotFound
from postroom.model.tenant import Actor
from postroom.service.desk import Desk
from postroom.service.keyring import KeyRing
from postroom.service.links import Links


class NamedDialect(Dialect):
    """Answers every request below a prefix. `no_change` names what a change without any field comes to."""

    def __init__(
        self,
        manner: Manner,
        names: Names,
        desk: Desk,
        keys: KeyRing,
        links: Links,
        limit: int,
        *,
        no_change: Mapping[str, str],
    ) -> None:
        super().__init__(manner, desk, keys, links, limit)
        self._names = names
        self._no_change = no_change

    async def within(self, actor: Actor, _route: Route, path: dict[str, str]) -> Actor:
        """Return the actor; the names in the path become inner ids. Raises NotFound for what is no name."""
        self._names.enter(path)
        return actor

    async def do(self, route: Route, call: Call) -> Any:
        """Do what a route names; what went wrong is told by the names that the request has for it."""
        given = route.read(call)
        try:
            if route.operation in self._no_change and not given.keys() - call.path.keys():
                return await self.desk.call(self._no_change[route.operation], call.actor, given)
            return await self.answer(route, call, given)
        except InvalidInput as error:
            renamed = getattr(route.read, "renamed", None)
            raise (error if renamed is None else renamed(error)) from None
        except NotFound as error:
            raise NotFound(error.kind, self._names.shown(error.looked_for), fix=error.fix) from None

    async def answer(self, route: Route, call: Call, given: Mapping[str, Any]) -> Any:
        """Do what a route names with what was read of the request."""
        return await self.desk.call(route.operation, call.actor, given)
