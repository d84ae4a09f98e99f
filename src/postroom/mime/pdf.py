"""The text of a PDF (ISO 32000), read by pypdf. It runs no script, opens no file and no address that the PDF names."""

from collections.abc import Iterator
from io import BytesIO

from pypdf import PageObject, PasswordType, PdfReader

from postroom.mime.texts import MAX_TEXT, Unreadable

MAX_PAGES = 2_000


def to_text(content: bytes) -> str:
    """Return the text of up to 2,000 pages, a blank line between two; little more than MAX_TEXT characters.

    Raises:
        Unreadable: it is no PDF, or asks for a password.
        MemoryError: as any file may make it.
    """
    try:
        pages = _open(content)
    except (Unreadable, MemoryError):
        raise
    except Exception as error:
        # A broken file makes pypdf fail in any way that Python knows; all of them mean the same here.
        raise Unreadable("It is no PDF that can be read.") from error
    texts: list[str] = []
    room = MAX_TEXT
    for page in pages:
        texts.append(_text(page))
        room -= len(texts[-1]) + 2
        if room < 0:
            break
    return "\n\n".join(texts)


def _open(content: bytes) -> Iterator[PageObject]:
    reader = PdfReader(BytesIO(content), strict=False)
    # Many are encrypted with an empty password: whoever has them may read them.
    if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
        raise Unreadable("The PDF is encrypted; its text needs a password.")
    count = min(len(reader.pages), MAX_PAGES)
    return (reader.pages[number] for number in range(count))


def _text(page: PageObject) -> str:
    try:
        return page.extract_text()
    except MemoryError:
        raise
    except Exception:
        # As above; one page that cannot be read takes nothing from the others.
        return ""
