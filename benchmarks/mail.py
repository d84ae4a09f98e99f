"""Writes the mail of the load: ordinary-looking text of common and rare words, no two messages alike.

The same tag gives the same messages. It sends nothing.
"""

import base64
import random
from collections.abc import Iterator
from email.utils import formatdate
from itertools import accumulate

_COMMON = (
    "the to and of a in is you that for it we on with this be are have as will not your if or at from can by our was"
    " but please all they an so has been would there their which about when more one time out new what week team how"
    " had were also some any next could after them know today need just order before who into than other these only"
    " see its project date like here very then over report number meeting two first should account now each may"
    " because many thanks regards invoice payment office customer question monday friday draft budget review"
)
_SYLLABLES = "ka lo mi ter ran ves dor quin sal ber tol nim pra gos hel wyn cor des fa lum art ine son mar vil"
_NAMES = "Ann Bela Carol Dmitri Esther Farid Grete Hugo Ines Jonas Katya Liam Mona Noor Olga Piet"
_ALL_TEXT = 64 * 1024  # bytes; the rest of a larger message is an attachment


def _rare_words(count: int) -> Iterator[str]:
    pick, syllables = random.Random("one language for all writers"), _SYLLABLES.split()
    for _ in range(count):
        yield "".join(pick.choices(syllables, k=pick.randint(2, 4)))


class Writer:
    """Writes messages; `tag` makes those of two writers different, `domain` is where its people are."""

    def __init__(self, tag: str, domain: str = "example.org") -> None:
        self._random = random.Random(tag)
        self._tag = tag
        self._domain = domain
        self._names = _NAMES.split()
        self._words = [*_COMMON.split(), *_rare_words(6000)]
        # Zipf's law: a few words make up most of a text, most words are rare.
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(len(self._words))))
        self._count = 0

    def message(self, to: str, size: int, word: str = "") -> bytes:
        """Return a message of about `size` bytes with CRLF line ends; `word` stands in its body.

        What is beyond 64 KiB of text comes as an attachment.
        """
        self._count += 1
        head = self._head(to)
        if size > _ALL_TEXT:
            return self._with_file(head, self._text(_ALL_TEXT, word), size)
        head += "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
        return (head + self._text(size - len(head) - 2, word)).encode()

    def _head(self, to: str) -> str:
        pick = self._random
        name, subject = pick.choice(self._names), " ".join(self._some(pick.randint(3, 8))).capitalize()
        host = f"mx{pick.randint(1, 9)}.{self._domain}"
        unique = f"{self._tag}.{self._count}.{pick.getrandbits(48):012x}"
        date = formatdate(1_795_000_000 + self._count)
        return (
            f"Received: from {host} ([192.0.2.{pick.randint(1, 250)}])\r\n\tby relay.{self._domain} with ESMTP id"
            f" {pick.getrandbits(40):010x}\r\n\tfor <{to}>; {date}\r\n"
            f"From: {name} <{name.lower()}{pick.randint(1, 400)}@{self._domain}>\r\nTo: <{to}>\r\n"
            f"Subject: {subject}\r\nDate: {date}\r\nMessage-ID: <{unique}@{self._domain}>\r\n"
            "MIME-Version: 1.0\r\nUser-Agent: Mozilla Thunderbird\r\n"
        )

    def _some(self, count: int) -> list[str]:
        return self._random.choices(self._words, cum_weights=self._weights, k=count)

    def _text(self, size: int, word: str) -> str:
        lines = [f"Hello {self._random.choice(self._names)},", "", *([word, ""] if word else [])]
        length = sum(map(len, lines)) + 2 * len(lines)
        while length < size:
            sentence = " ".join(self._some(11)).capitalize()[:76]
            paragraph_ends = self._random.random() < 0.12
            lines += [f"{sentence}.", ""] if paragraph_ends else [sentence]
            length += len(sentence) + (5 if paragraph_ends else 2)
        return "\r\n".join([*lines, "", "Kind regards"])[:size].rstrip() + "\r\n"

    def _with_file(self, head: str, text: str, size: int) -> bytes:
        boundary = f"=_{self._tag}{self._count}"
        raw = self._random.randbytes((size - len(text)) * 57 // 78)
        lines = base64.encodebytes(raw).replace(b"\n", b"\r\n")
        before = (
            f'{head}Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n--{boundary}\r\n'
            f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n--{boundary}\r\n"
            "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
            'Content-Disposition: attachment; filename="data.bin"\r\n\r\n'
        )
        return b"".join((before.encode(), lines, f"--{boundary}--\r\n".encode()))
