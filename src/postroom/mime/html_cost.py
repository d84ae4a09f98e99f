"""What building a tree of HTML would cost, told from its tags alone. Builds none."""

import re

_MAX_DEPTH = 256
_MAX_STEPS = 2_000_000  # tags times depth: what a tree builder walks (HTML 13.2.4.2), 18 ns each
_MAX_ATTRIBUTES = 1_000
# Void elements, and those that end by themselves when the next of the kind begins (HTML 13.1.2.4): they do not nest by
# mere repetition.
FLAT = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"),
        *("p", "li", "td", "tr", "th", "tbody", "thead", "tfoot", "dd", "dt", "option"),
    )
)
# Attributes are passed over with what they quote: a "</div>" in there ends nothing.
ATTRIBUTES = r"""(?:[^<>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')|[="'])*+"""
_NESTING_TAG = re.compile(
    rf"<(/?)(?=[a-z])(?!(?:{'|'.join(sorted(FLAT))})[\s/>])([a-z][a-z0-9:]*+){ATTRIBUTES}", re.IGNORECASE
)
_COMMENT = re.compile(r"<!--+>|<!--.*?(?:-->|\Z)", re.DOTALL)
# Attributes are counted from 2,000 characters on: each takes two.
_LONG_TAG = re.compile(r"<[^<]{2000,}+")
_QUOTED = re.compile(r""""[^"]*+"|'[^']*+'""")


def is_affordable(html: str) -> bool:
    """Tell whether a tree of this HTML costs no more than its length lets expect.

    A parser's time grows with the square of the depth, and of the attributes of one element: 0.5 MB take seconds.
    Linear in the length; errs on the side of no.
    """
    if html.count("<") > _MAX_DEPTH and _nests_too_much(html):
        return False
    return not any(_is_crowded(tag[0]) for tag in _LONG_TAG.finditer(html))


def _is_crowded(piece: str) -> bool:
    """Tell whether the tag that `piece` begins with has too many attributes; what is quoted is no attribute."""
    tag = _QUOTED.sub("", piece).partition(">")[0]
    return len(tag.replace("/", " ").split()) > _MAX_ATTRIBUTES


def _nests_too_much(html: str) -> bool:
    counts: dict[str, int] = {}
    depth = deepest = 0
    for tag in _NESTING_TAG.finditer(_COMMENT.sub("", html) if "<!--" in html else html):
        closing, name = tag.groups()
        name = name.lower()
        opened = counts.get(name, 0)
        if not closing:
            counts[name] = opened + 1
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > _MAX_DEPTH:
                    return True
        elif opened:  # an end tag without a beginning changes nothing
            counts[name] = opened - 1
            depth -= 1
    return html.count("<") * (deepest + 1) > _MAX_STEPS
