"""Messages of about 256 KiB that are made to cost more than they should. Holds inputs only, no expectations."""

_SIZE = 256 * 1024


def _fill(piece: str) -> str:
    return piece * (_SIZE // len(piece))


def _field(name: str, value: str) -> bytes:
    return f"From: a@example.com\r\n{name}: {value}\r\n\r\nhello\r\n".encode()


def _html(markup: str) -> bytes:
    return f"From: a@example.com\r\nContent-Type: text/html\r\n\r\n{markup}".encode()


def _body(head: str, body: str) -> bytes:
    return f"From: a@example.com\r\nContent-Type: {head}\r\n\r\n{body}".encode()


def _nested(depth: int) -> bytes:
    lines = [f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}" for n in range(depth)]
    return ("From: a@example.com\r\n" + "\r\n".join(lines) + "\r\n\r\ninnermost\r\n").encode()


def _fields(pieces: dict[str, str]) -> dict[str, bytes]:
    return {
        f"{name} of {label}": _field(name, _fill(p)) for label, p in pieces.items() for name in ("To", "References")
    }


_PIECES = {
    "quotes": '"',
    "escaped quotes": '\\"',
    "quoted angles": '"<',
    "open angles": "<",
    "angles and escaped quotes": '<\\"',
    "routes": "<@a,",
    "unclosed comments": "(",
    "escaped comments": "(\\",
    "nested comments": "(a)(",
    "groups": "a:;",
    "at signs": "@",
    "commas": ",",
    "spaces": " ",
    "words and dots": "a . ",
    "encoded word openings": "=?a?q?",
    "encoded words": "=?utf-8?q?=C3=A4?= ",
    "encoded words glued": "=?utf-8?b?w6Q=?=",
    "half encoded words": "=?utf-8?b?w?= ",
    "addresses": "a@b.c, ",
    "named addresses": '"A B" <a@b.c>, ',
}

MESSAGES: dict[str, bytes] = {
    **_fields(_PIECES),
    "8,000 recipients": _field("To", ", ".join(f"user{n}@example.com" for n in range(8000))),
    "20 KB of quotes": _field("To", '"' * 20_000),
    "Content-Type parameters": _field("Content-Type", "text/plain" + "".join(f"; p{n}=v" for n in range(20_000))),
    "RFC 2231 sections": _field("Content-Type", "text/plain" + "".join(f"; n*{n}*=%41" for n in range(999))),
    "unterminated parameter quotes": _field("Content-Type", "text/plain" + _fill(';a="\\"')),
    "semicolons": _field("Content-Type", "text/plain" + _fill("; ")),
    "encoded words in a subject": _field("Subject", _fill("=?utf-8?q?=C3=A4?= ")),
    "digits in a date": _field("Date", _fill("1 ")),
    "folds": _field("Subject", _fill("a\r\n ")),
    "fields": b"a:\r\n" * (_SIZE // 4) + b"\r\nhello\r\n",
    "trace fields": b"Received:\r\n" * (_SIZE // 11) + b"\r\nhello\r\n",
    "no header at all": b"a" * _SIZE,
    "header of blanks": b"a: " + b" \n" * (_SIZE // 2),
    "colonless lines": b"From: a@b.c\n" + b"abc\n" * (_SIZE // 4),
    "nesting of 1,000": _nested(1000),
    "nesting of 5,000": _nested(5000),
    "5,000 parts": _body("multipart/mixed; boundary=b", "--b\r\n\r\nx\r\n" * 5000 + "--b--\r\n"),
    "empty parts": _body("multipart/mixed; boundary=b", _fill("--b\r\n")),
    "lines that look like delimiters": _body("multipart/mixed; boundary=b", _fill("--\n")),
    "boundary of hyphens": _body(f"multipart/mixed; boundary={'-' * 70}", _fill("-" * 73 + "a\n")),
    "alternatives": _body("multipart/alternative; boundary=b", _fill("--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n")),
    "one long line": _body("text/plain", _fill("a")),
    "one line of spaces": _body("text/plain", _fill(" ")),
    "empty lines": _body("text/plain", _fill("\n")),
    "quotes in a text": _body("text/plain", _fill("> ")),
    "quoted lines": _body("text/plain; format=flowed", _fill("> a \n")),
    "flowed quotes": _body("text/plain; format=flowed", _fill(">")),
    "flowed in one paragraph": _body("text/plain; format=flowed; delsp=yes", _fill("a \n")),
    "padding": _body("text/plain\r\nContent-Transfer-Encoding: base64", _fill("A=")),
    "padding of a file": _body("image/png\r\nContent-Transfer-Encoding: base64", _fill("AA==")),
    "soft breaks": _body("text/plain\r\nContent-Transfer-Encoding: quoted-printable", _fill("= ")),
    "uuencoded lines": _body("image/png\r\nContent-Transfer-Encoding: x-uuencode", "begin 644 a\n" + _fill('"\n')),
    "UTF-7": _body("text/plain; charset=utf-7", _fill("+2AA-")),
    "punycode": _body("text/plain; charset=punycode", _fill("a-")),
    "idna": _body("text/plain; charset=idna", _fill("xn--a.")),
    "deep div": _html(_fill("<div>")),
    "deep div and p": _html(_fill("<div><p>")),
    "deep lists": _html(_fill("<ul><li>")),
    "deep tables": _html(_fill("<table><tr><td>")),
    "unclosed formatting": _html("".join(f"<font a={n}>" for n in range(9000)) + "<p>x" * 20_000),
    "divs that only seem closed": _html(_fill('<div title="</div>">')[: 96 * 1024]),
    "divs closed in comments": _html(_fill("<div><!--</div>-->")),
    "angle brackets": _html(_fill("<")),
    "comments": _html(_fill("<!--")),
    "style without end": _html("<style>" + _fill("a")),
    "style of braces": _html("<style>" + _fill("{") + "</style>"),
    "style of rules": _html("<style>" + _fill("p{opacity:0}") + "</style>" + "<p>x" * 9000),
    "style of selectors": _html("<style>" + _fill("a,") + "{display:none}</style>"),
    "style of comments": _html("<style>" + _fill("/*") + "</style>"),
    "media rules": _html("<style>" + _fill("@media{") + "</style>"),
    "long inline style": _html("<p style='" + _fill("a:b;") + "'>x"),
    "attributes": _html("<p " + "".join(f"a{n} " for n in range(30_000)) + ">x"),
    "classes": _html("<style>.a{display:none}</style><p class='" + _fill("a ") + "'>x"),
    "links": _html(_fill("<a href='https://example.com'>")),
    "many links": _html(_fill("<a href='https://example.com'>x</a>")),
    "quotes in quotes": _html(_fill("<blockquote>")[: 12 * 200] + "x<br>" * 40_000),
    "entities": _html(_fill("&amp;")),
}
