"""The one secret of a data folder: signs what we give out and must recognise when it comes back, and encrypts what the
database keeps but no copy of it may tell.
"""

import base64
import binascii
import contextlib
import hmac
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from postroom.model.ids import random_bytes
from postroom.store.blobs import sync_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SIZE = 32
_NONCE = 12  # bytes, NIST SP 800-38D 8.2.2: random for each text


class Secret:
    """32 random bytes. `purpose` keeps a signature for one thing from being one for another."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Secret(…)"

    @classmethod
    def load(cls, path: Path, given: str | None) -> "Secret":
        """Return the secret that was given (base64), else the one kept at `path`, made there when absent (0600).

        Raises:
            ValueError: what was given, or what the file holds, is not 32 bytes in base64.
        """
        return cls(_decoded(given, "POSTROOM_SECRET_KEY") if given else _kept(path))

    def sign(self, purpose: str, data: bytes) -> str:
        """Return a signature of `data`, base64url without padding."""
        digest = hmac.digest(self._key, purpose.encode() + b"\0" + data, sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def is_signed(self, purpose: str, data: bytes, signature: str) -> bool:
        """Tell whether `signature` is ours, in constant time."""
        return hmac.compare_digest(self.sign(purpose, data).encode(), signature.encode("utf-8", "replace"))

    def seal(self, purpose: str, text: str) -> str:
        """Return `text` encrypted (AES-256-GCM) for the database. It opens again for the same `purpose` alone."""
        nonce = random_bytes(_NONCE)
        return base64.b64encode(nonce + self._cipher().encrypt(nonce, text.encode(), purpose.encode())).decode()

    def unseal(self, purpose: str, sealed: str) -> str:
        """Return what was sealed for `purpose`. Raises ValueError: under another secret, for another thing, damaged."""
        from cryptography.exceptions import InvalidTag

        try:
            box = base64.b64decode(sealed, validate=True)
            return self._cipher().decrypt(box[:_NONCE], box[_NONCE:], purpose.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise ValueError(f"what was sealed for {purpose} does not open: secret.key is another one") from error

    def _cipher(self) -> "AESGCM":
        # Imported where it is used: 30 ms that most starts need not pay.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(hmac.digest(self._key, b"seal\0", sha256))


def _decoded(text: str | bytes, name: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < SIZE:
        raise ValueError(f"{name} must be at least 32 bytes in base64")
    return key


def _kept(path: Path) -> bytes:
    with contextlib.suppress(FileExistsError):
        write_private(path, base64.b64encode(random_bytes(SIZE)) + b"\n")
    # An empty or damaged file is no secret: whatever it would sign, anybody could.
    return _decoded(path.read_bytes().strip(), f"{path} (delete it and a new one is made; links given out end)")


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner may read, complete and on disk under its name or not there at all.

    Raises:
        FileExistsError: it is there already.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if os.name == "nt":
            draft.rename(path)  # fails where the name is taken, as a link does
        else:
            os.link(draft, path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)
