"""format=flowed (RFC 3676): soft line breaks taken out of a plain text."""


def unflow(text: str, delsp: bool) -> str:
    """Return `text` (lines end in ``\\n``) with its flowed lines joined; `delsp`: their last space is not text."""
    out: list[str] = []
    paragraph: list[str] = []
    open_depth = -1  # quote depth of the paragraph that goes on, -1 where none does
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")  # RFC 3676 4.4: space-stuffing
        if depth != open_depth and paragraph:
            out.append(_line(open_depth, paragraph))
            paragraph = []
        # RFC 3676 4.3: the signature separator is never flowed.
        flows = content.endswith(" ") and content != "-- "
        if content == "-- " and paragraph:
            out.append(_line(open_depth, paragraph))
            paragraph = []
        paragraph.append(content[:-1] if flows and delsp else content)
        open_depth = depth
        if not flows:
            out.append(_line(depth, paragraph))
            paragraph = []
            open_depth = -1
    if paragraph:
        out.append(_line(open_depth, paragraph))
    return "\n".join(out)


def _line(depth: int, pieces: list[str]) -> str:
    content = "".join(pieces)
    return f"{'>' * depth} {content}" if depth > 0 else content
