"""What can go wrong, in Postroom's own words. Each face maps these classes; none carries an HTTP status.

PostroomError
+-- InvalidInput           what was given cannot be used; `problems` says where and why
+-- NotFound               absent, or out of reach: the two are told apart by nobody
+-- AlreadyExists          the name is taken
|   +-- AddressTaken       it is an address
+-- Conflict               right in itself, but not in the state that things are in
+-- Unprocessable          well-formed, but the thing that it names cannot be used so
|   +-- CannotDelete       something still hangs on it
|   +-- DomainNotUsable    the domain that an inbox is to have is not verified
|   +-- QueryRangeTooWide  it would be counted too far back, or at too many points
+-- Unauthenticated        no key, or one that is not known
+-- Forbidden              the key may not do this
|   +-- OutOfScope         no permission would help: it is confined to less than this takes
|   +-- PermissionEscalation   a key would give more than it has
|   +-- LimitExceeded      an organization has as many as a setting allows
+-- TooLarge               a limit of size or number
+-- TooMany                a limit of how many at once
|   +-- TooManyRequests    the rate of a key is spent; says when it may go on
+-- Refused                the message may not leave; says which rule held it
|   +-- InboxPaused        the inbox is paused
+-- Temporary              a failure of ours: nothing was done, try again
    +-- StorageFull        the disk is full
    +-- Busy               too much is waiting, or the other side holds a lock
"""

import errno
from collections.abc import Sequence

from postroom.model.record import Record


class Problem(Record):
    """One thing that is wrong with an input: where (`path`, outermost first) and what (`message`, a sentence)."""

    path: tuple[str | int, ...]
    message: str


class PostroomError(Exception):
    """Base of all errors that a caller is meant to read. `fix` says what to do next, when we know."""

    code = "error"

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}" if self.fix else self.message


class InvalidInput(PostroomError):
    code = "validation_error"

    def __init__(self, message: str, problems: Sequence[Problem] = (), *, fix: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.problems = tuple(problems)

    @classmethod
    def at(cls, field: str, message: str, *, fix: str | None = None) -> "InvalidInput":
        """Return the error for one field."""
        return cls(f"{field}: {message}", [Problem(path=(field,), message=message)], fix=fix)


class NotFound(PostroomError):
    code = "not_found"

    def __init__(self, kind: str, looked_for: str, *, fix: str | None = None) -> None:
        # Cut: what a caller gives may be long, and a model reads every word that comes back.
        super().__init__(f"No {kind} {looked_for if len(looked_for) <= 1000 else looked_for[:1000] + '…'!r}.", fix=fix)
        self.kind = kind
        self.looked_for = looked_for


class AlreadyExists(PostroomError):
    code = "already_exists"


class AddressTaken(AlreadyExists):
    """Of its own class, since clients try a plain conflict again and an address does not become free."""


class Conflict(PostroomError):
    code = "conflict"


class CannotDelete(Conflict):
    code = "cannot_delete"


class Unprocessable(PostroomError):
    code = "unprocessable"


class DomainNotUsable(Unprocessable):
    """Of its own class, since a contract has a code for it."""


class QueryRangeTooWide(Unprocessable):
    code = "query_range_too_wide"


class Unauthenticated(PostroomError):
    code = "unauthorized"


class Forbidden(PostroomError):
    code = "missing_permission"


class OutOfScope(Forbidden):
    code = "forbidden"


class PermissionEscalation(Forbidden):
    code = "permission_escalation"


class LimitExceeded(Forbidden):
    code = "limit_exceeded"


class ResourceTaken(Forbidden):
    """Another organization has it: of its own class, since clients try a plain conflict again."""

    code = "resource_taken"


class TooLarge(PostroomError):
    code = "too_large"


class TooMany(PostroomError):
    code = "rate_limit_exceeded"


class TooManyRequests(TooMany):
    """`retry_after` is in whole seconds, 1 at least."""

    def __init__(self, message: str, *, fix: str | None = None, retry_after: int = 1) -> None:
        super().__init__(message, fix=fix)
        self.retry_after = retry_after


class Refused(PostroomError):
    """`rule` names what held or refused it, where a policy did."""

    code = "message_rejected"

    def __init__(self, message: str, *, fix: str | None = None, rule: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.rule = rule


class InboxPaused(Refused):
    code = "inbox_paused"


class DomainNotVerified(Refused):
    code = "domain_not_verified"


class Temporary(PostroomError):
    code = "service_unavailable"


class StorageFull(Temporary):
    code = "storage_full"


class Busy(Temporary):
    code = "busy"


def disk_error(error: OSError) -> Temporary:
    """Return what a failing file operation means to a caller."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("The disk is full.", fix="Free some space; nothing was stored.")
    return Temporary(f"The disk failed ({error.strerror}).", fix="Try again; the log says more.")
