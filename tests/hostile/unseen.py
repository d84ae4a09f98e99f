"""The characters that nobody sees, written out from the tables of Unicode 16: what tests hold the engine's own against.

Asks nothing of the engine, so that a gap there is no gap here.
"""

# First and last of each range. Cc, Cf, Cs and Co (UnicodeData.txt) but line feed and tab, and
# Default_Ignorable_Code_Point (DerivedCoreProperties.txt) with the variation selectors 15 and 16.
_RANGES = (
    *((0x0000, 0x0008), (0x000B, 0x001F), (0x007F, 0x009F), (0x00AD, 0x00AD), (0x034F, 0x034F), (0x0600, 0x0605)),
    *((0x061C, 0x061C), (0x06DD, 0x06DD), (0x070F, 0x070F), (0x0890, 0x0891), (0x08E2, 0x08E2), (0x115F, 0x1160)),
    *((0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xD800, 0xF8FF), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x110BD, 0x110BD)),
    *((0x110CD, 0x110CD), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
    (0xF0000, 0x10FFFF),
    # A glyph without ink: the blank of braille, the null notehead, the filler of Khitan.
    *((0x2800, 0x2800), (0x1D159, 0x1D159), (0x16FE4, 0x16FE4)),
    *((0xFDD0, 0xFDEF), *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000))),
)
UNSEEN = frozenset(chr(code) for first, last in _RANGES for code in range(first, last + 1))
# These stand in honest text: one behind a picture that takes it.
SELECTORS = frozenset("\ufe0e\ufe0f")
TAKING = frozenset("\u2764\u2600\u260e\u2714\u00a9\u00ae\u2122\U0001f3f3\U0001f578")


def passed(text: str) -> list[str]:
    """Return the characters of a text that nobody sees, as code points, but a selector that stands in its place."""
    left = [(at, one) for at, one in enumerate(text) if one in UNSEEN]
    return [f"{ord(one):04X}" for at, one in left if not (one in SELECTORS and text[at - 1 : at] in TAKING)]
