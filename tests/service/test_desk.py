"""What the desk says of an input that it cannot use."""

from typing import Any

import pytest

from postroom.model.errors import InvalidInput
from tests.fakes.bed import Bed

SENT = {"inbox_id": "a@b", "to": "c@d", "text": "x"}


@pytest.mark.parametrize(
    ("operation", "given", "where", "said"),
    [
        ("inboxes.get", {"inbx_id": "a@b"}, "inbx_id", "did you mean 'inbox_id'?"),
        ("messages.send", {**SENT, "subjet": "x"}, "subjet", "did you mean 'subject'?"),
        ("messages.send", {**SENT, "attachments": [{"filenam": "a"}]}, "attachments.0.filenam", "mean 'filename'?"),
        ("messages.send", {**SENT, "attachments": [{"reply_too": "a"}]}, "attachments.0.reply_too", "known are "),
        ("messages.list", {"inbox_id": "a@b", "fro": "c"}, "fro", "did you mean 'from'?"),
        ("threads.read", {"zzz": 1}, "zzz", "unknown; known are inbox_id, thread_id, limit, page_token, max_chars."),
    ],
)
async def test_an_unknown_field_is_refused_with_the_nearest_of_the_object_that_it_stands_in(
    house: Bed, operation: str, given: dict[str, Any], where: str, said: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await house.call(operation, **given)
    (message,) = [p.message for p in refused.value.problems if ".".join(map(str, p.path)) == where]
    assert said in message
