"""Queries over the texts of files."""

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql

from postroom.model.file_text import FileText
from postroom.model.removed import Removed
from postroom.store.query import Query, Row
from postroom.store.tables import AttachmentTextRow

_T = AttachmentTextRow.__table__  # type: ignore[attr-defined]
_SHOWN = (_T.c.text, _T.c.reason, _T.c.is_cut, _T.c.removed)
_CHANGED = ("sha256", "version", "text", "reason", "is_cut", "removed")


def _text(row: Row) -> FileText:
    removed = Removed() if row[3] is None else Removed.model_validate_json(row[3])
    return FileText(text=row[0], reason=row[1], is_cut=bool(row[2]), removed=removed)


OF_PART = Query[FileText](
    "texts.of_part",
    select(*_SHOWN).where(
        _T.c.message_seq == bindparam("message_seq"),
        _T.c.part == bindparam("part"),
        _T.c.version == bindparam("version"),
    ),
    row=_text,
    inner=True,
)
# The same bytes, read as the same, in another message of the organization; of others not, who would learn by the time
# it takes.
OF_BYTES = Query[FileText](
    "texts.of_bytes",
    select(*_SHOWN)
    .where(_T.c.org_id == bindparam("org_id"), _T.c.sha256 == bindparam("sha256"), _T.c.version == bindparam("version"))
    .limit(1),
    row=_text,
    inner=True,
)
KEEP = Query[None](
    "texts.keep",
    postgresql.insert(_T)
    .values({c.name: bindparam(c.name) for c in _T.c})
    .on_conflict_do_update(index_elements=["message_seq", "part"], set_={name: bindparam(name) for name in _CHANGED}),
)
DELETE = Query[None]("texts.delete", delete(_T).where(_T.c.message_seq == bindparam("seq")), inner=True)
