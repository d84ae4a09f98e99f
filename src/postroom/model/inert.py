"""Text from outside without the characters by which it could act on whoever shows it. Says nothing of its words."""

import re

# As ranges: asking each character of an attachment of 25 MB takes six seconds, in which nobody else is served.
# The categories Cc, Cf, Cs and Co of Unicode 16 but line feed and tab.
_CONTROLS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\ud800-\uf8ff\ufeff\ufff9-\ufffb"
)
_FAR_CONTROLS = (
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000f0000-\U0010ffff"
)
# Default_Ignorable_Code_Point (DerivedCoreProperties.txt of Unicode 16) but the variation selectors 15 and 16: what a
# program that has no glyph for it leaves out.
_IGNORABLE = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d"
    "\ufeff\uffa0\ufff0-\ufff8"
)
_FAR_IGNORABLE = "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
# What has a glyph and no ink (the blank of braille, the null notehead, the filler of Khitan), and what no text has.
_BLANK = "\u2800\ufdd0-\ufdef\ufffe\uffff"
_FAR_BLANK = "\U0001d159\U00016fe4" + "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0xF0000, 0x10000)
)
_NEAR = _CONTROLS + _IGNORABLE + _BLANK
_UNSEEN = _NEAR + _FAR_CONTROLS + _FAR_IGNORABLE + _FAR_BLANK
# What takes a variation selector 15 or 16, which says whether it is drawn as text or as a picture (the bases of
# emoji-variation-sequences.txt, as ranges of emoji-data.txt).
_BASES = (
    "\xa9\xae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u24c2"
    "\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2604\u260e\u2611\u2614\u2615\u2618\u261d\u2620\u2622\u2623\u2626"
    "\u262a\u262e\u262f\u2638-\u263a\u2640\u2642\u2648-\u2653\u265f\u2660\u2663\u2665\u2666\u2668\u267b\u267e\u267f"
    "\u2692-\u2697\u2699\u269b\u269c\u26a0\u26a1\u26a7\u26aa\u26ab\u26b0\u26b1\u26bd\u26be\u26c4\u26c5\u26c8\u26cf"
    "\u26d1\u26d3\u26d4\u26e9\u26ea\u26f0-\u26f5\u26f7-\u26fa\u26fd\u2702\u2708-\u270d\u270f\u2712\u2714\u2716\u271d"
    "\u2721\u2733\u2734\u2744\u2747\u2753\u2757\u2763\u2764\u27a1\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55"
    "\u3030\u303d\u3297\u3299\U0001f004\U0001f170\U0001f171\U0001f17e\U0001f17f\U0001f202\U0001f21a\U0001f22f"
    "\U0001f237\U0001f300-\U0001f321\U0001f324-\U0001f393\U0001f396\U0001f397\U0001f399-\U0001f39b"
    "\U0001f39e-\U0001f3f0\U0001f3f3-\U0001f3f5\U0001f3f7-\U0001f3fa\U0001f400-\U0001f4fd\U0001f4ff-\U0001f53d"
    "\U0001f549-\U0001f54e\U0001f550-\U0001f567\U0001f56f\U0001f570\U0001f573-\U0001f57a\U0001f587"
    "\U0001f58a-\U0001f58d\U0001f590\U0001f595\U0001f596\U0001f5a4\U0001f5a5\U0001f5a8\U0001f5b1\U0001f5b2\U0001f5bc"
    "\U0001f5c2-\U0001f5c4\U0001f5d1-\U0001f5d3\U0001f5dc-\U0001f5de\U0001f5e1\U0001f5e3\U0001f5e8\U0001f5ef"
    "\U0001f5f3\U0001f5fa-\U0001f64f\U0001f680-\U0001f6c5\U0001f6cb-\U0001f6d2\U0001f6e0-\U0001f6e5\U0001f6e9"
    "\U0001f6f0\U0001f6f3"
)
_INVISIBLE = re.compile(f"[{_UNSEEN}]+")
# Most text has nothing beyond 16 bits, and what stands there is looked for one range after the other.
_INVISIBLE_NEAR = re.compile(f"[{_NEAR}]+")
_FAR = re.compile("[\U00010000-\U0010ffff]")
# One selector is left to what takes one; a digit, # and * take one where a key is drawn of them.
# What may be left stands first: the engine looks for one set of characters, and asks what is before it there alone.
_WITH_SELECTORS = re.compile(
    f"[{_UNSEEN}\ufe0e\ufe0f](?:(?<![\ufe0e\ufe0f])|(?<![{_BASES}#*0-9].)|(?<=[#*0-9].)(?!\u20e3))", re.S
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
        return text if text.replace("\n", "").isprintable() else _INVISIBLE_NEAR.sub("", text)
    invisible = _INVISIBLE if _FAR.search(text) else _INVISIBLE_NEAR
    if "\ufe0e" in text or "\ufe0f" in text:
        invisible = _WITH_SELECTORS
    # JSON lets them stand, and clients that split an event stream as Unicode does would lose the whole answer.
    return invisible.sub("", text).replace("\u2028", "\n").replace("\u2029", "\n")


def unseen(text: str) -> int:
    """Return how many characters `inert` takes out of a text; carriage returns, of which line ends have one, not."""
    return 0 if text.isascii() and text.isprintable() else len(text) - text.count("\r") - len(inert(text))
