"""Which messages belong together: the ids that name a parent, the chain a reply carries, and what a subject says
without its prefixes. Pure functions: looking ids up, and deciding by subject at all, is the caller's.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

MAX_CANDIDATES = 50
MAX_REFERENCES = 20
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,248}>")

# What mail programs put before a subject, by language: RFC 5256 knows "re", "fw" and "fwd" only.
_REPLY_WORDS = (
    "re|r|rif|res|resp|rép|réf|aw|antw|antwort|sv|svar|vs|odp|odpověď|odg|vá|válasz|ynt|cvp|bls|atb|ats|rsp|răsp|"
    "απ|σχετ|ответ|отв|від|відп|отг|השב|תגובה|رد|回复|回覆|答复|答覆|返信|回信|답장|회신|ตอบ|ตอบกลับ|tl|trả lời|उत्तर"
)
_FORWARD_WORDS = (
    "fwd|fw|wg|weitergeleitet|tr|i|rv|enc|encaminhada|doorst|vb|vl|pd|přep|továbbítás|ilt|İlt|trs|"
    "πρθ|пересл|переслано|הועבר|להעביר|إعادة توجيه|转发|轉寄|轉發|转寄|転送|전달|ส่งต่อ|chuyển tiếp"
)
# Whitespace is single before these are used. Every repetition ends at a character that it cannot itself match, so
# that no subject makes them go back over what they read.
_COUNT = r"(?: ?(?:\[[^\[\]]{0,100}\]|\(\d{1,3}\)|\^?\d{1,3}))? ?[:：] ?"
_REPLY = re.compile(rf"(?:{_REPLY_WORDS}){_COUNT}", re.IGNORECASE)
_FORWARD = re.compile(rf"(?:{_FORWARD_WORDS}){_COUNT}", re.IGNORECASE)
_BLOB = re.compile(r"\[[^\[\]]*\] ?")


def is_safe_message_id(message_id: str) -> bool:
    """Tell whether `message_id` is ``<...>`` of printable ASCII, no space or angle bracket inside, at most 250 long.

    Wider than msg-id of RFC 5322 3.6.4 (which asks for an ``@``), because mail without one exists and must thread.
    """
    return _MESSAGE_ID.fullmatch(message_id) is not None


def candidates(in_reply_to: Sequence[str], references: Sequence[str]) -> tuple[str, ...]:
    """Return the ids to look up for a message's thread, the nearest first: In-Reply-To, then References from the right.

    Each id once, at most 50, so that a crafted header cannot make the look-up long.
    """
    found = dict.fromkeys(in_reply_to[:MAX_CANDIDATES])
    found.update(dict.fromkeys(references[: -MAX_CANDIDATES - 1 : -1]))
    return tuple(found)[:MAX_CANDIDATES]


def chain(
    parent_message_id: str | None, parent_references: Sequence[str], parent_in_reply_to: Sequence[str]
) -> tuple[str, ...]:
    """Return the References of a reply (RFC 5322 3.6.4): those of the parent, then the parent itself.

    A parent without References gives its In-Reply-To where that is one id. Unsafe ids are left out, each id stands
    once, and what is too long is cut as `shorten` does.
    """
    before = parent_references or (parent_in_reply_to if len(parent_in_reply_to) == 1 else ())
    known = [i for i in before if i != parent_message_id]
    return shorten([*known, parent_message_id] if parent_message_id else known)


def shorten(ids: Iterable[str]) -> tuple[str, ...]:
    """Return the safe ones of `ids`, each once; of more than 20 the first, which names the thread, and the last 19."""
    safe = tuple(dict.fromkeys(i for i in ids if is_safe_message_id(i)))
    return safe if len(safe) <= MAX_REFERENCES else (safe[0], *safe[1 - MAX_REFERENCES :])


def has_reply_prefix(subject: str | None) -> bool:
    """Tell whether the first mark of a subject is one of a reply, after list tags: ``[list] Re: ...`` in any language.

    ``Fwd: Re: ...`` is a forward: it opens a thread, it does not continue one.
    """
    text = _single_spaced(subject)
    at = 0
    while blob := _BLOB.match(text, at):
        at = blob.end()
    return _REPLY.match(text, at) is not None


def base_subject(subject: str | None) -> str:
    """Return the base subject (RFC 5256 2.1), folded in case, so that equal conversations compare equal.

    Linear in the length of the subject: two ends move inwards and nothing is read twice.
    """
    text = _single_spaced(subject)
    start, end = 0, len(text)
    while True:
        end = _before_trailer(text, start, end)
        start = _after_leader(text, start, end)
        if text[start : start + 5].lower() != "[fwd:" or end - start < 6 or text[end - 1] != "]":
            return text[start:end].casefold()
        start, end = start + 5, end - 1


def without_reply_prefixes(subject: str | None) -> str:
    """Return the subject after all marks of a reply that it starts with; tags and marks of forwards stay."""
    return _without(_REPLY, subject)


def without_forward_prefixes(subject: str | None) -> str:
    """Return the subject after all marks of a forward that it starts with; tags and marks of replies stay."""
    return _without(_FORWARD, subject)


def _without(prefix: re.Pattern[str], subject: str | None) -> str:
    text = _single_spaced(subject)
    at = 0
    while found := prefix.match(text, at):
        at = found.end()
    return text[at:]


def _single_spaced(subject: str | None) -> str:
    return " ".join(unicodedata.normalize("NFC", subject or "").split())


def _before_trailer(text: str, start: int, end: int) -> int:
    # RFC 5256 2.1 (2): subj-trailer.
    while end > start:
        if text[end - 1] == " ":
            end -= 1
        elif end - start >= 5 and text[end - 5 : end].lower() == "(fwd)":
            end -= 5
        else:
            break
    return end


def _after_leader(text: str, start: int, end: int) -> int:
    # RFC 5256 2.1 (3) to (5): a tag goes when a mark follows it, or when something is left without it.
    while start < end:
        mark = _REPLY.match(text, start, end) or _FORWARD.match(text, start, end)
        blob = None if mark else _BLOB.match(text, start, end)
        if text[start] == " ":
            start += 1
        elif mark:
            start = mark.end()
        elif blob and blob.end() < end and text[start : start + 5].lower() != "[fwd:":
            start = blob.end()
        else:
            break
    return start
