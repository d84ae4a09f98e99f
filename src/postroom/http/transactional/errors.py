"""The envelope of this dialect's errors, `{"error": {code, message}}`, and its codes."""

from collections.abc import Sequence

from postroom.http.errors import Misnamed, retry_after, status_of
from postroom.http.route import Json
from postroom.http.transactional import shapes
from postroom.model import errors

RECIPIENTS = frozenset({"to", "cc", "bcc"})
# What the text has a code for; the codes of all else are made in its style.
_OWN: dict[type[errors.PostroomError], tuple[int, str]] = {
    errors.DomainNotVerified: (400, "DOMAIN_NOT_VERIFIED"),
    errors.DomainNotUsable: (400, "DOMAIN_NOT_VERIFIED"),
    errors.TooLarge: (400, "ATTACHMENT_TOO_LARGE"),
    errors.TooMany: (429, "RATE_LIMIT_EXCEEDED"),
    errors.AlreadyExists: (409, "ALREADY_EXISTS"),
    errors.AddressTaken: (409, "MAILBOX_ALREADY_EXISTS"),
}
_KINDS = {"inbox": "mailbox", "draft": "message"}


def answer(error: errors.PostroomError) -> Json:
    """Return the answer that an error is."""
    status, code, message = _told(error)
    return _said(status, code, message, headers=retry_after(error))


def _told(error: errors.PostroomError) -> tuple[int, str, str]:
    if isinstance(error, errors.NotFound):
        kind = _KINDS.get(error.kind, error.kind)
        message = f"{kind[0].upper()}{kind[1:]} {error.looked_for[:1000]} does not exist."
        return 404, f"{kind.upper().replace(' ', '_')}_NOT_FOUND", message
    if isinstance(error, errors.InvalidInput):
        is_recipient = not isinstance(error, Misnamed) and _is_of_recipients(error)
        return 400, "INVALID_RECIPIENT" if is_recipient else "VALIDATION_ERROR", str(error)
    own = next((_OWN[kind] for kind in type(error).__mro__ if kind in _OWN), None)
    status, code = own or (status_of(error), error.code.upper())
    return status, code, str(error)


def _is_of_recipients(error: errors.InvalidInput) -> bool:
    """Tell whether all that is wrong is a recipient, of a message or of one in a batch."""
    named = [
        next((step for step in p.path if isinstance(step, str) and step != "messages"), "") for p in error.problems
    ]
    return bool(named) and RECIPIENTS.issuperset(named)


def internal() -> Json:
    """Return what is said of a bug of ours."""
    return _said(500, "INTERNAL_ERROR", "The server failed; its log says why.")


def not_here() -> Json:
    """Return the answer for a path that is not served."""
    return _said(404, "NOT_FOUND", "There is nothing at this path; /v1/agent-email/openapi.json says what there is.")


def not_so(allowed: Sequence[str]) -> Json:
    """Return the answer for a path that has other methods than the one that was asked for."""
    return _said(405, "METHOD_NOT_ALLOWED", f"This path has other methods: use {' or '.join(allowed)}.")


def _said(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Json:
    body: shapes.ErrorResponse = {"error": {"code": code, "message": message}}
    return Json(body, status, headers=headers)
