"""Text from outside without the characters by which it could act on whoever shows it. Says nothing of its words."""

import re

# The categories Cc, Cf, Cs and Co of Unicode 16 but line feed and tab, as ranges: asking each character of an
# attachment of 25 MB takes six seconds, in which nobody else is served.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\ud800-\uf8ff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f\U000f0000-\U000ffffd"
    "\U00100000-\U0010fffd]+"
)
# What a program that renders Markdown, with the HTML that it lets stand, would fetch from elsewhere.
_IMAGE = re.compile(
    r"!(?=\[)|<(?=/?(?:img|image|picture|source|video|audio|iframe|object|embed|svg|link|style|input)\b)", re.I
)


def without_images(text: str) -> tuple[str, int]:
    """Return text in which no image is fetched by whoever renders it as Markdown, and how many there were."""
    if "![" not in text and "<" not in text:
        return text, 0
    return _IMAGE.subn(lambda m: "!\\" if m[0] == "!" else "&lt;", text)


def inert(text: str) -> str:
    """Return text without control, bidirectional and invisible characters; line feeds alone end its lines."""
    if text.isascii():
        # Most mail has line feeds and nothing else to look for: a tenth of the cost of looking.
        return text if text.replace("\n", "").isprintable() else _INVISIBLE.sub("", text)
    # JSON lets them stand, and clients that split an event stream as Unicode does would lose the whole answer.
    return _INVISIBLE.sub("", text).replace("\u2028", "\n").replace("\u2029", "\n")
