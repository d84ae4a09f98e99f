"""How much of one message is read, and the account of what was left out. Nothing here reads mail."""

import mmap

Raw = bytes | mmap.mmap

MAX_HEADER_BYTES = 256 * 1024
MAX_FIELDS = 2_000
MAX_PARTS = 1_000
MAX_DEPTH = 50
MAX_ADDRESSES = 2_000
MAX_ADDRESS_TOKENS = 40_000  # words, spaces and marks of one address field
MAX_ENCODED_WORDS = 5_000
MAX_PARAMETERS = 200
MAX_REFERENCES = 100
MAX_ID = 998  # RFC 5322 2.1.1: the longest line
MAX_NAME = 998
MAX_ADDRESS = 998
MAX_FILENAME = 255
MAX_HTML = 2_000_000  # characters
MAX_EXTRACT = 400_000  # characters of text or HTML in which the new part is looked for


class Budget:
    """What one message may still spend (encoded words, addresses), and what of it was not read."""

    __slots__ = ("addresses", "faults", "words")

    def __init__(self) -> None:
        self.addresses = MAX_ADDRESSES
        self.words = MAX_ENCODED_WORDS
        self.faults: list[str] = []

    def fault(self, what: str) -> None:
        """Note once that something was left out; `what` completes "Not read in full: "."""
        if what not in self.faults:
            self.faults.append(what)

    @property
    def sentence(self) -> str | None:
        """All that was noted as one sentence, None where the message was read in full."""
        return f"Not read in full: {'; '.join(self.faults)}." if self.faults else None
