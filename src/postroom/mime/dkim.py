"""Keys for DKIM (RFC 6376): made here, and spelled as the DNS shows them. It keeps none and signs nothing."""

import base64
from typing import NamedTuple

BITS = 2048  # RFC 8301 3.2: at least 1024, 2048 advised


class SigningKey(NamedTuple):
    """Both DER in base64: `private` PKCS #8, `public` the SubjectPublicKeyInfo, what `p=` holds."""

    private: str
    public: str


def new_key() -> SigningKey:
    """Make an RSA key. Takes some 50 ms of a processor: for a thread."""
    # Imported when first used: most starts make no key.
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    private = key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(*(base64.b64encode(part).decode() for part in (private, public)))


def key_record(public: str) -> str:
    """Return the TXT record that publishes a public key (RFC 6376 3.6.1)."""
    return f"v=DKIM1; k=rsa; p={public}"


def read_tags(text: str) -> dict[str, str]:
    """Return the tags of a DKIM key or DMARC record, without white space (RFC 6376 3.2); of a name, the first."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip(), "".join(value.split()))
    return tags
