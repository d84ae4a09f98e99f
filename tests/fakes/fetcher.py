"""An HTTP client without a network: gives what a test has laid out."""

from postroom.model.errors import InvalidInput, Refused, TooLarge
from postroom.net.http import Fetched


class FakeFetcher:
    """`pages` maps addresses to bytes, `refused` names the ones that the rules forbid."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.refused: set[str] = set()
        self.asked: list[str] = []

    async def fetch(self, url: str, *, max_bytes: int, timeout: float) -> Fetched:
        self.asked.append(url)
        if url in self.refused:
            raise Refused("That address is private.")
        if url not in self.pages:
            raise InvalidInput.at("url", "answers 404.")
        content = self.pages[url]
        if len(content) > max_bytes:
            raise TooLarge("More than a message holds.")
        return Fetched(content=content, content_type="text/x-fetched", filename=url.rpartition("/")[2], url=url)
