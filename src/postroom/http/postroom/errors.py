"""The errors of our own dialect: the envelope of /v0, so that one reader of errors serves both."""

from functools import partial

from postroom.http.agentmail import errors
from postroom.http.agentmail.errors import internal, not_here, not_so

__all__ = ["answer", "internal", "not_here", "not_so"]
answer = partial(errors.answer, document="/v1/postroom/openapi.json")
