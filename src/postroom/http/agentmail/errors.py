"""The envelope of this dialect's errors: `{name, code, message, fix}`, and `errors` for what was given wrong."""

from collections.abc import Sequence
from typing import Any

from postroom.http.errors import retry_after, status_of
from postroom.http.route import Json
from postroom.model import errors

BAD_REQUEST = 400
# The names that clients of several years compare with.
NAMES: dict[int, str] = {
    400: "ValidationError",
    401: "UnauthorizedError",
    403: "ForbiddenError",
    404: "NotFoundError",
    409: "ConflictError",
    413: "PayloadTooLargeError",
    422: "UnprocessableError",
    429: "RateLimitError",
    503: "ServiceUnavailableError",
}


# What to do where the error itself says nothing of it.
_FIXES: dict[int, str] = {
    403: "Use a key that may do this.",
    404: "List what there is to see its ids.",
    409: "Look at how things stand, then try again.",
    413: "Send less.",
    503: "Try again in a moment.",
}


def envelope(error: errors.PostroomError, document: str = "/v0/openapi.json") -> dict[str, Any]:
    """Return an error as this dialect words it; `document` describes what each request takes."""
    status = status_of(error)
    body: dict[str, Any] = {"name": _name(error, status), "code": error.code, "message": error.message}
    wrong = f"Correct what errors names; GET {document} says what each request takes."
    body["fix"] = error.fix or (wrong if status == BAD_REQUEST else _FIXES.get(status, "Look at the message."))
    if isinstance(error, errors.InvalidInput):
        body["errors"] = _problems(error)
    return body


def answer(error: errors.PostroomError, document: str = "/v0/openapi.json") -> Json:
    """Return the answer that an error is; `document` describes what each request takes."""
    status = status_of(error)
    # The clients wait this long before they try again, twice.
    return Json(envelope(error, document), status, headers=retry_after(error))


def internal() -> Json:
    """Return what is said of a bug of ours."""
    body = {"name": "InternalServerError", "code": "internal_error", "message": "The server failed; its log says why."}
    body["fix"] = "Try again; tell the operator of this server."
    return Json(body, 500)


def not_here(fix: str) -> Json:
    """Return the answer for a path that this server does not serve."""
    body = {"name": "NotFoundError", "code": "not_found", "message": "There is nothing at this path.", "fix": fix}
    return Json(body, 404)


def not_so(allowed: Sequence[str]) -> Json:
    """Return the answer for a path that has other methods than the one that was asked for."""
    body = {"name": "MethodNotAllowedError", "code": "method_not_allowed", "message": "This path has other methods."}
    body["fix"] = f"Use {' or '.join(allowed)}."
    return Json(body, 405)


def _name(error: errors.PostroomError, status: int) -> str:
    if isinstance(error, errors.Refused):
        return "MessageRejectedError"
    return NAMES.get(status, "ServerError")


def _problems(error: errors.InvalidInput) -> list[dict[str, Any]]:
    if not error.problems:
        return [{"path": [], "message": error.message}]
    return [{"path": list(problem.path), "message": problem.message} for problem in error.problems]
