"""The status that each class of error has over HTTP, and when to try again; a dialect adds its own envelope."""

from postroom.model import errors
from postroom.model.oauth import OAuthProblem


class Misnamed(errors.InvalidInput):
    """A request has fields that are not known, or lacks some: of their values nothing was looked at."""


STATUS: dict[type[errors.PostroomError], int] = {
    errors.InvalidInput: 400,
    Misnamed: 400,
    OAuthProblem: 400,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.AddressTaken: 422,  # a 409 is tried again by clients, for seconds and in vain
    errors.Conflict: 409,
    errors.CannotDelete: 409,
    errors.Unprocessable: 422,
    errors.DomainNotUsable: 422,
    errors.QueryRangeTooWide: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.OutOfScope: 403,
    errors.PermissionEscalation: 403,
    errors.LimitExceeded: 403,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.TooManyRequests: 429,
    errors.Refused: 403,
    errors.ResourceTaken: 403,
    errors.DomainNotVerified: 403,
    errors.InboxPaused: 403,
    errors.Temporary: 503,
    errors.StorageFull: 503,
    errors.Busy: 503,
}

TRIED_AGAIN = (429, 503)


def status_of(error: errors.PostroomError) -> int:
    """Return the HTTP status of an error."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def retry_after(error: errors.PostroomError) -> dict[str, str] | None:
    """Return the field that says in how many seconds to try again (RFC 9110 10.2.3), None where that is of no use."""
    if isinstance(error, errors.TooManyRequests):
        return {"retry-after": str(error.retry_after)}
    return {"retry-after": "1"} if status_of(error) in TRIED_AGAIN else None
