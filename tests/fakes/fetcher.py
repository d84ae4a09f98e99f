"""An HTTP client without a network: gives what a test has laid out, and keeps what is sent."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from postroom.model.errors import InvalidInput, Refused, TooLarge
from postroom.net.http import Fetched


@dataclass(frozen=True)
class Post:
    """A request that somebody sent."""

    url: str
    content: bytes
    headers: Mapping[str, str]


class FakeFetcher:
    """`pages` maps addresses to bytes, `refused` names the ones that the rules forbid.

    `posts` is what was sent; `answers` are the statuses of the next ones, an exception is raised; 204 when used up.
    An address in `stalled` answers once its event is set.
    """

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.refused: set[str] = set()
        self.asked: list[str] = []
        self.posts: list[Post] = []
        self.answers: list[int | Exception] = []
        self.stalled: dict[str, asyncio.Event] = {}

    async def fetch(self, url: str, *, max_bytes: int, timeout: float, redirects: int = 5) -> Fetched:
        self.asked.append(url)
        if url in self.refused:
            raise Refused("That address is private.")
        if url not in self.pages:
            raise InvalidInput.at("url", "answers 404.")
        content = self.pages[url]
        if len(content) > max_bytes:
            raise TooLarge("More than a message holds.")
        return Fetched(content=content, content_type="text/x-fetched", filename=url.rpartition("/")[2], url=url)

    async def check(self, url: str) -> None:
        if url in self.refused:
            raise InvalidInput.at("url", "That address is private.")

    async def post(self, url: str, content: bytes, *, headers: Mapping[str, str], timeout: float) -> int:
        self.posts.append(Post(url, content, dict(headers)))
        if url in self.stalled:
            await self.stalled[url].wait()
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return answer
