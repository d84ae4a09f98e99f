"""The envelope of this dialect's errors: `{"error": {code, message, fix}}`, and `problems` for what was given wrong."""

from collections.abc import Sequence
from typing import Any

from postroom.http.errors import retry_after, status_of
from postroom.http.inai import shapes
from postroom.http.route import Json
from postroom.model import errors

# What to do where the error itself says nothing of it.
_FIXES: dict[int, str] = {
    400: "Correct what problems names; GET /api/v0/openapi.json says what each request takes.",
    403: "Use a key that may do this.",
    404: "List what there is to see its ids.",
    409: "Look at how things stand, then try again.",
    413: "Send less.",
    503: "Try again in a moment.",
}


def answer(error: errors.PostroomError) -> Json:
    """Return the answer that an error is."""
    status = status_of(error)
    said: shapes.Error = {
        "code": error.code,
        "message": error.message,
        "fix": error.fix or _FIXES.get(status, "Look at the message."),
    }
    if isinstance(error, errors.InvalidInput):
        problems: list[shapes.Problem] = [{"path": list(p.path), "message": p.message} for p in error.problems]
        said["problems"] = problems or [{"path": [], "message": error.message}]
    return Json({"error": said}, status, headers=retry_after(error))


def internal() -> Json:
    """Return what is said of a bug of ours."""
    return _said(500, "internal_error", "The server failed; its log says why.", "Try again; tell the operator.")


def not_here() -> Json:
    """Return the answer for a path that is not served."""
    return _said(404, "not_found", "There is nothing at this path.", "See /api/v0/openapi.json for what there is.")


def not_so(allowed: Sequence[str]) -> Json:
    """Return the answer for a path that has other methods than the one that was asked for."""
    return _said(405, "method_not_allowed", "This path has other methods.", f"Use {' or '.join(allowed)}.")


def _said(status: int, code: str, message: str, fix: str) -> Json:
    body: dict[str, Any] = {"error": {"code": code, "message": message, "fix": fix}}
    return Json(body, status)
