"""What was taken out of a text before it was shown, as a record without behaviour."""

from postroom.model.record import Record


class Removed(Record):
    """What was taken out of a text: invisible characters, hidden parts of its page, images that would be fetched."""

    characters: int = 0
    blocks: int = 0
    images: int = 0
