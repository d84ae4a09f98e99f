"""What reading the text of a file gave, as a record without behaviour."""

from postroom.model.record import Record
from postroom.model.removed import Removed


class FileText(Record):
    """The text of a file, None where `reason` says in a sentence why there is none; `is_cut`: it is the beginning.

    `removed` is what reading it left out: of HTML what it hides, of DOCX runs that are hidden.
    """

    text: str | None
    reason: str | None = None
    is_cut: bool = False
    removed: Removed = Removed()
