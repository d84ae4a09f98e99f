"""The style sheets of a page: what of their rules and of style attributes holds for an element. Reads no selector."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser

from postroom.mime import css, styles
from postroom.mime.css import MAX_CSS, Declaration, Rule, Sheet
from postroom.mime.matching import Matching, Rank, lasting
from postroom.mime.styles import Look

_CACHED = 2_000  # looks of a page
_MAX_RULES = 5_000  # of all sheets
_SHORT = 4_000  # characters of a style attribute that may stand in other mails as well

# Of a name what is declared of each property in the end: by how sure the rules are, property, and importance.
_Kept = dict[tuple[int, str, bool], tuple[Rank, Declaration]]


class _Ranked(NamedTuple):
    """A declaration, and how it stands to others."""

    rank: Rank
    declaration: Declaration


class Sheets:
    """The style sheets of a page; without a tree there are none."""

    def __init__(self, tree: LexborHTMLParser | None = None, *, is_of_page: bool = True) -> None:
        """Read the sheets of a tree; `is_of_page`: the elements that are asked for are its own."""
        self._named: dict[str, _Kept] = {}
        self._matched: dict[int, list[_Ranked]] = {}
        self._looks: dict[tuple[tuple[str, ...], tuple[Rank, ...], str], Look] = {}
        self._variables: Mapping[str, list[str]] = {}
        self._keyframes: tuple[str, ...] = ()
        self._are_plain = True
        self.are_whole = True  # there was not too much of them
        if tree is not None:
            self._read(tree, is_of_page)

    def look(self, node: int, tag: str, attributes: Mapping[str, str | None]) -> Look:
        """Return what rules and style attribute say of an element; `node` is its id in memory."""
        style = attributes.get("style") or ""
        if self._are_plain:
            return styles.PLAIN if len(style) < 2 else _look(style)
        names = tuple([name for name in _names(tag, attributes) if name in self._named])
        matched = self._matched.get(node, ())
        key = names, tuple([one.rank for one in matched]), style
        if (known := self._looks.get(key)) is None:
            known = self._judged(names, matched, style)
            if len(self._looks) < _CACHED:
                self._looks[key] = known
        return known

    def _judged(self, names: Iterable[str], matched: Iterable[_Ranked], style: str) -> Look:
        ranked = [_Ranked(*one) for name in names for one in self._named[name].values()]
        ruled = [one.declaration for one in sorted((*ranked, *matched), key=lambda one: one.rank)]
        own = styles.expanded(css.declarations(style)) if style else ()
        return styles.judged(styles.cascade([ruled, own]), self._variables, self._keyframes)

    def _read(self, tree: LexborHTMLParser, is_of_page: bool) -> None:
        rules, keyframes = self._rules_of(tree)
        in_attributes = _styles_of(tree)
        sheets = [rule.declarations for rule in rules]
        if "var(" in (tree.html or "").lower():
            self._variables = styles.variables([*sheets, *map(css.declarations, in_attributes)])
        frames = {name: styles.cascade([styles.expanded(declared)]) for name, declared in keyframes.items()}
        self._keyframes = tuple(name for name, said in frames.items() if styles.judged(said).hides)
        matching = Matching(tree if is_of_page else None, self.keep_named, self.keep_matched)
        # What hides comes first: it must be matched, and matching has an end.
        ready = [(place, rule, styles.expanded(rule.declarations)) for place, rule in enumerate(rules)]
        hiding = {place: self._hides(declared) for place, _rule, declared in ready if declared}
        for place, rule, declared in sorted(ready, key=lambda one: not hiding.get(one[0], False)):
            if declared:
                matching.match(rule, place, declared, hides=hiding[place])
        self._are_plain = not (self._named or self._matched or self._variables or self._keyframes)

    def _rules_of(self, tree: LexborHTMLParser) -> tuple[list[Rule], dict[str, list[Declaration]]]:
        rules: list[Rule] = []
        keyframes: dict[str, list[Declaration]] = {}
        left = MAX_CSS
        for element in tree.css("style"):
            media = element.attributes.get("media")
            if (holds := css.media_holds(media) if media else True) is False:
                continue
            text = element.text()
            sheet = Sheet(text[:left], holds)
            self.are_whole = self.are_whole and sheet.is_whole and len(text) <= left and len(rules) < _MAX_RULES
            left = max(0, left - len(text))
            rules += sheet.rules[: max(0, _MAX_RULES - len(rules))]
            for name, declared in sheet.keyframes.items():
                keyframes.setdefault(name, []).extend(declared)
        return rules, keyframes

    def _hides(self, declared: tuple[Declaration, ...]) -> bool:
        look = styles.judged(styles.cascade([declared]), self._variables, self._keyframes)
        return look.hides or look.tiny is True or look.unlinked or look.colour in ("transparent", "#ffffff")

    def keep_named(self, name: str, rank: Rank, declared: Iterable[Declaration]) -> None:
        """Keep what holds for all elements of a name: `p`, `.x`, `#x`, `p.x`, `p#x`, or `*`."""
        kept = self._named.setdefault(name, {})
        for one in declared:
            key = lasting(rank), one.name, one.important
            known = kept.get(key)
            if known is None or known[0] <= rank:
                kept[key] = rank, one

    def keep_matched(self, node: int, rank: Rank, declared: Iterable[Declaration]) -> None:
        """Keep what holds for one element, by its id in memory."""
        self._matched.setdefault(node, []).extend(_Ranked(rank, one) for one in declared)


def _look(style: str) -> Look:
    if len(style) <= _SHORT:
        return styles.look(style)
    return styles.judged(styles.cascade([styles.expanded(css.declarations(style))]))


def _names(tag: str, attributes: Mapping[str, str | None]) -> list[str]:
    """Return what an element can be named by in a simple selector."""
    marks = [f".{name}" for name in dict.fromkeys((attributes.get("class") or "").lower().split())]
    if identifier := (attributes.get("id") or "").lower().strip():
        marks.append(f"#{identifier}")
    return ["*", tag, *marks, *(f"{tag}{mark}" for mark in marks)]


def _styles_of(tree: LexborHTMLParser) -> list[str]:
    return [node.attributes.get("style") or "" for node in tree.css("[style]")]
