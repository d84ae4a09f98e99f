"""The ground floor: the words of the system, as frozen records. Imports pydantic and the standard library only."""
