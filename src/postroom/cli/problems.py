"""Says in sentences why a command or a server cannot work. Knows no command and prints nothing."""

from pydantic import ValidationError


def sentences(error: BaseException) -> list[str]:
    """Return what to tell the person: one sentence a problem; a setting is named as its variable."""
    if isinstance(error, ValidationError):
        return [_setting(problem["loc"], problem["msg"]) for problem in error.errors(include_url=False)]
    return [str(error) or type(error).__name__]


def _setting(where: tuple[int | str, ...], what: str) -> str:
    name = "_".join(map(str, where)).upper()
    return f"POSTROOM_{name}: {what.removeprefix('Value error, ')}"
