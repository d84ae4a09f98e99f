"""The stable names of our objects in dialects that have spellings of their own: an inner id with another prefix, so
that no table is kept and a look-up is one. It judges nothing: what is out of reach answers as absent afterwards.
"""

from dataclasses import dataclass

from postroom.model.errors import NotFound
from postroom.model.ids import ALPHABET

_LETTERS = frozenset(ALPHABET)
_LENGTH = 26  # letters of an inner id, after its prefix


@dataclass(frozen=True)
class Kind:
    """A kind of object: what errors call it, how its inner ids begin, and how a dialect has them begin.

    `parts`: a part of a message follows after one more `_`, as in the id of an attachment.
    """

    word: str
    inner_prefix: str
    prefix: str
    parts: bool = False

    def name(self, inner: str) -> str:
        """Return the name of the object whose inner id is given."""
        return self.prefix + inner.removeprefix(self.inner_prefix)

    def inner(self, name: str) -> str:
        """Return the inner id that a name says.

        Raises:
            NotFound: it is no such name, but for example one of another dialect.
        """
        rest = name.removeprefix(self.prefix)
        letters, _underscore, part = rest.partition("_") if self.parts else (rest, "", "0")
        is_one = name.startswith(self.prefix) and len(letters) == _LENGTH and _LETTERS.issuperset(letters)
        if not is_one or not (part.isascii() and part.isdecimal()):
            raise NotFound(self.word, name)
        return self.inner_prefix + rest


class Names:
    """The kinds that a dialect names, by the parameter of a path that has the name."""

    def __init__(self, **kinds: Kind) -> None:
        self._kinds = kinds

    def __getitem__(self, parameter: str) -> Kind:
        return self._kinds[parameter]

    def enter(self, path: dict[str, str]) -> None:
        """Put inner ids in the place of the names in a path. Raises NotFound."""
        for parameter, kind in self._kinds.items():
            if parameter in path:
                path[parameter] = kind.inner(path[parameter])

    def shown(self, inner: str) -> str:
        """Return the name of whatever an inner id is of; any other text as it is."""
        for kind in self._kinds.values():
            if inner.startswith(kind.inner_prefix) and len(inner) >= len(kind.inner_prefix) + _LENGTH:
                return kind.name(inner)
        return inner
