"""Message-ID, In-Reply-To and References (RFC 5322 3.6.4) as ids in angle brackets. Builds no threads."""

import re

from postroom.mime.limits import MAX_ID, MAX_REFERENCES

_TOKEN = re.compile(r"<[^<>]*>|[()]")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\s\u2028\u2029]")
_PLAIN_ID = re.compile(rf"<[!-;=?-~]{{1,{MAX_ID - 2}}}+>")
_ONLY_IDS = re.compile(r"(?:<[!-;=?-~]++>[ \t]*+)++")
_BETWEEN = re.compile(r"[\s,;]+")
_KEPT_FIRST = 20


def read_ids(value: str) -> list[str]:
    """Return the ids of a value in order, with angle brackets; those that are no safe id are left out."""
    ids = _bracketed(value) if "<" in value else []
    if not ids:
        words = (word.strip("<>") for word in _BETWEEN.split(value.strip()))
        ids = [f"<{word}>" for word in words if "@" in word]
    return [found for found in ids if _safe(found)]


def message_id(value: str) -> str | None:
    """Return the id of a Message-ID field; None where it is absent, has spaces or controls, or is too long."""
    if _PLAIN_ID.fullmatch(value):
        return value
    ids = _bracketed(value) if "<" in value else [f"<{value.strip()}>"]
    found = ids[0] if ids else f"<{value.strip().strip('<>')}>"
    return found if _safe(found) else None


def references(values: list[str]) -> tuple[str, ...]:
    """Return the ids of all values; of more than 100 the first 20 and the last 80, the nearest ancestors."""
    if len(values) == 1 and _PLAIN_ID.fullmatch(values[0]):
        return (values[0],)
    ids = _plain(values[0]) if len(values) == 1 else None
    if ids is None:
        ids = [found for value in values for found in read_ids(value)]
    if len(ids) > MAX_REFERENCES:
        ids = ids[:_KEPT_FIRST] + ids[_KEPT_FIRST - MAX_REFERENCES :]
    return tuple(ids)


def _plain(value: str) -> list[str] | None:
    """Return the ids of a value that holds nothing else, as nearly all do; None where it must be read with care."""
    if not value.isascii() or len(value) > MAX_ID or not _ONLY_IDS.fullmatch(value):
        return None
    return value.replace("><", "> <").split()


def _bracketed(value: str) -> list[str]:
    if "(" not in value:
        return [token for token in _TOKEN.findall(value) if token[0] == "<"]
    depth = 0
    outside: list[str] = []
    every: list[str] = []
    for token in _TOKEN.findall(value):
        if token == "(":
            depth += 1
        elif token == ")":
            depth = max(0, depth - 1)
        else:
            every.append(token)
            if not depth:
                outside.append(token)
    # A comment that never ends is a stray parenthesis.
    return every if depth else outside


def _safe(found: str) -> bool:
    return 2 < len(found) <= MAX_ID and not _UNSAFE.search(found)
