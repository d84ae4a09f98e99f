"""For which elements of a page a selector holds (Selectors 4), at a cost that has an end.

Where that cannot be told, a rule that hides holds for all that it may hold for, and one that does not holds for none.
"""

import re
from collections.abc import Callable, Iterable

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from postroom.mime.css import Declaration, Rule, unescaped

Rank = tuple[int, int, int, int]  # ids, classes, names (Selectors 4, 17), and the place among the rules
_LOWEST, _HIGHEST = -1, 10_000  # ids that no selector has: of rules whose rank cannot be told
_STEPS = 10_000_000  # of the engine in all, 8 to 40 ns each
_A_NODE = 40  # steps that an element costs in any case
_SIMPLE = re.compile(r"([a-z][a-z0-9-]*+|\*)?([.#][\w-]++)?", re.I)
# What is drawn before and after, and what a program draws itself: nothing that stands in the page is of it.
_NO_ELEMENT = re.compile(r"(?:::?(?:before|after)|::(?!first-l)[a-z-]++(?:\([^()]*+\))?)\Z", re.I)
_FIRST = re.compile(r"::?first-l(?:ine|etter)\Z", re.I)
_STATE = re.compile(r":(?:hover|active|focus|focus-within|focus-visible|visited|target)\b", re.I)
_PSEUDO = re.compile(r":([a-z-]++)", re.I)
_COMBINATOR = re.compile(r"\s*+[>+~]\s*+|\s++")
_QUOTED = re.compile(r""""(?:[^"\\]++|\\.)*+"|'(?:[^'\\]++|\\.)*+'|\\.""", re.S)
_ATTRIBUTE = re.compile(r"\[[^\]]*+\]")
_INNERMOST = re.compile(r"\([^()]*+\)")
_COMPOUND = re.compile(r"(?:[a-z*]?[\w-]*+\|)?([a-z][a-z0-9-]*+)?((?:[.#][\w-]++)*+)\*?", re.I)
_MARK = re.compile(r"[.#][\w-]++")
_NAME = re.compile(r"(?:(?<=[\s>+~(,])|\A)[a-z]", re.I)
_LISTS = frozenset(("is", "where", "not"))  # how they rank depends on what is in them
_NUMBERED = frozenset(("nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type"))
_BESIDE = frozenset(("first-of-type", "last-of-type", "only-of-type", "only-child", *_NUMBERED))
_STATES = frozenset(("hover", "active", "focus", "focus-within", "focus-visible", "visited", "target"))
# The engine knows more of them, and some at a cost without end (`:has`), some as no program does (`:link`).
_KNOWN = frozenset(("first-child", "last-child", "root", "empty", *_LISTS, *_BESIDE, *_STATES))


def lasting(rank: Rank) -> int:
    """Return how sure a rule is: below all others, as its selector says, above all others."""
    return min(max(rank[0], _LOWEST), _HIGHEST) if rank[0] in (_LOWEST, _HIGHEST) else 0


class Matching:
    """Matches rules with a page and hands on what holds, to `named` or `matched`; without a tree, by names alone."""

    def __init__(
        self,
        tree: LexborHTMLParser | None,
        named: Callable[[str, Rank, Iterable[Declaration]], None],
        matched: Callable[[int, Rank, Iterable[Declaration]], None],
    ) -> None:
        self._tree = tree
        self._named = named
        self._matched = matched
        self._left = _STEPS
        self._form: tuple[int, int, int] | None = None

    def match(self, rule: Rule, place: int, declared: tuple[Declaration, ...], *, hides: bool) -> None:
        """Hand on for which elements a rule holds. `place` is its place among all; `declared` what counts of it."""
        selector = rule.selector
        if _NO_ELEMENT.search(selector) or ("(" not in selector and _STATE.search(selector)):
            return
        first = _FIRST.search(selector)
        if first is not None:
            selector = selector[: first.start()] or "*"
        plain = unescaped(selector)
        unsure = (_HIGHEST if hides else _LOWEST, 0, 0, place)
        is_doubtful = rule.doubtful or first is not None
        if plain and (simple := _SIMPLE.fullmatch(plain)) is not None:
            self._named(_name(simple), unsure if is_doubtful else _rank(plain, place), declared)
            return
        bare = _ATTRIBUTE.sub("[]", _QUOTED.sub("", selector))
        pseudo = {name.lower() for name in _PSEUDO.findall(bare)}
        nodes = self._find(selector, bare, pseudo)
        if nodes is not None:
            rank = unsure if is_doubtful or pseudo & _LISTS else _rank(bare, place)
            for node in nodes:
                self._matched(node, rank, declared)
        elif hides and (name := _reach(bare, escaped="\\" in selector)) is not None:
            self._named(name, unsure, declared)

    def _find(self, selector: str, bare: str, pseudo: set[str]) -> list[int] | None:
        """Return the elements of a selector, None where the engine cannot tell or it would take too long."""
        if self._tree is None or not pseudo <= _KNOWN:
            return None
        cost = self._cost(self._tree, bare, pseudo)
        if cost > self._left:
            return None
        self._left -= cost
        try:
            return [node.mem_id for node in self._tree.css(selector)]
        except SelectolaxError:
            return None

    def _cost(self, tree: LexborHTMLParser, bare: str, pseudo: set[str]) -> int:
        """Return the steps that matching may take: each ancestor or sibling may be tried for each combinator."""
        nodes, depth, widest = self._form = self._form or _form(tree)
        kinds = [found.strip() for found in _COMBINATOR.findall(bare.strip())]
        ways = min(kinds.count(""), 8), min(kinds.count("~"), 8) + bool(pseudo & _BESIDE)
        tried = (1 + len(bare) // 40) * (1 + bare.count(",")) * (1 + bare.count("("))
        return int(nodes * (_A_NODE + tried * depth ** ways[0] * widest ** ways[1]))


def _name(simple: re.Match[str]) -> str:
    tag, mark = simple[1] or "", simple[2] or ""
    return (mark if tag == "*" and mark else tag + mark).lower()


def _rank(bare: str, place: int) -> Rank:
    classes = bare.count(".") + bare.count("[") + bare.count(":")
    return min(bare.count("#"), _HIGHEST - 1), classes, len(_NAME.findall(bare)), place


def _reach(bare: str, *, escaped: bool) -> str | None:
    """Return the name of all elements that a selector may hold for, None where it is no selector at all."""
    for _ in range(8):
        bare = _INNERMOST.sub("", bare)
    if "(" in bare:
        return "*"
    last = _COMBINATOR.split(bare.strip())[-1]
    found = _COMPOUND.fullmatch(last.partition(":")[0].replace("[]", ""))
    if found is None or not last:
        return "*" if escaped else None
    marks = [] if escaped else _MARK.findall(found[2])
    return str(marks[0] if marks else found[1] or "*").lower()


def _form(tree: LexborHTMLParser) -> tuple[int, int, int]:
    """Return how many elements a page has, how deep they stand, and how many children the widest has."""
    depths: dict[int, int] = {}
    children: dict[int, int] = {}
    if tree.root is not None:
        for node in tree.root.traverse():
            above = node.parent.mem_id if node.parent is not None else 0
            depths[node.mem_id] = depths.get(above, 0) + 1
            children[above] = children.get(above, 0) + 1
    return len(depths), max(depths.values(), default=0), max(children.values(), default=0)
