"""Files that come with mail, made here: a PDF, a DOCX, and what is wrong with them."""

import io
import zipfile

from pypdf import PdfReader, PdfWriter

_NS = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
_RELS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1"'
    ' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"'
    ' Target="word/document.xml"/></Relationships>'
)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def pdf(*pages: str, password: str | None = None, owner: bool = False) -> bytes:
    """Return a PDF with a line of text a page; `owner`: encrypted so that everybody may read it."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET" if text else ""
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * n} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    made = _numbered(objects)
    if password is None and not owner:
        return made
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(made)))
    writer.encrypt(user_password=password or "", owner_password="owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _numbered(objects: list[str]) -> bytes:
    out, offsets = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{text}\nendobj\n".encode()
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    return (
        out
        + (
            f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
            f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
        ).encode()
    )


def docx(body: str, *, before: str = "", notes: str | None = None, rels: str = _RELS) -> bytes:
    """Return a DOCX whose document has `body` (WordprocessingML, prefixes w and mc), after `before`."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", rels)
        archive.writestr("word/document.xml", f"{before}<w:document {_NS} {_MC}><w:body>{body}</w:body></w:document>")
        if notes is not None:
            archive.writestr("word/footnotes.xml", f"<w:footnotes {_NS}>{notes}</w:footnotes>")
    return out.getvalue()


def paragraph(text: str, *, style: str = "") -> str:
    """Return a paragraph of one run; `style` are its properties."""
    return f"<w:p><w:r><w:rPr>{style}</w:rPr><w:t>{text}</w:t></w:r></w:p>"
