"""The errors of our own dialect: the envelope of /v0, so that one reader of errors serves both."""

from postroom.http.agentmail.errors import answer, envelope, internal, not_here

__all__ = ["answer", "envelope", "internal", "not_here"]
