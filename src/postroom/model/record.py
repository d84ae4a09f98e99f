"""The base of every record: frozen, strict about unknown fields."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A value that never changes after it was made; an unknown field is an error, never dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")
