"""A label of an inbox as it is listed."""

from postroom.model.record import Record


class Label(Record):
    """`color` is #RRGGBB; `created_at` (UTC milliseconds) is None for one that was never made and is in use only."""

    name: str
    color: str | None = None
    created_at: int | None = None
