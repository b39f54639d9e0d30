"""The answers of AWS that do not fit into one result.

They are kept in memory, so a model can read the remaining parts.
"""

import base64
from collections import OrderedDict
from dataclasses import dataclass

from jitney.client.gateway.call_answers import CallAnswer
from jitney.client.mcp.untrusted_text import LONGEST_ESCAPE, escape_unseen
from jitney.client.problems import Invalid

MOST_CHARACTERS = 30_000
"""The most characters of an answer in one result: about 10,000 tokens."""
KEPT_CHARACTERS = 24_000_000
"""The limit of characters of all kept answers. An answer of the gateway has at most 5.5 MB."""
_OF_THE_TRANSPORT = frozenset(
    {"connection", "date", "server", "transfer-encoding", "x-amz-id-2", "x-amz-request-id", "x-amzn-requestid"}
)


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """An answer as text: its headers, an empty line, and its body, in base64 unless it is UTF-8."""

    call_id: str
    grant_id: str
    status: int
    text: str
    encoding: str
    masked: tuple[str, ...]

    @classmethod
    def of(cls, answer: CallAnswer, grant_id: str) -> "ShownAnswer":
        """Return the text of an answer."""
        try:
            body, encoding = answer.body.decode("utf-8"), "text"
        except UnicodeDecodeError:
            body, encoding = base64.b64encode(answer.body).decode("ascii"), "base64"
        headers = [
            f"{name}: {value}" for name, value in answer.headers.items() if name.lower() not in _OF_THE_TRANSPORT
        ]
        text = "\n".join([*headers, "", body])
        return cls(answer.call_id, grant_id, answer.status, text, encoding, answer.masked)

    def part(self, offset: int) -> tuple[str, int | None]:
        """Return the part of the text at `offset`, escaped, and the offset of the next part, or None.

        A part fits into one result. Offsets count unescaped characters.
        """
        end = offset + MOST_CHARACTERS
        text = escape_unseen(self.text[offset:end])
        if len(text) > MOST_CHARACTERS:
            end = offset + MOST_CHARACTERS // LONGEST_ESCAPE
            text = escape_unseen(self.text[offset:end])
        return text, end if end < len(self.text) else None


class KeptAnswers:
    """Keeps the latest large answers. The oldest are dropped when all together have more than `most` characters."""

    def __init__(self, most: int = KEPT_CHARACTERS) -> None:
        self._most = most
        self._kept: OrderedDict[str, ShownAnswer] = OrderedDict()

    def keep(self, answer: ShownAnswer) -> None:
        """Keep an answer that does not fit into one result."""
        if answer.part(0)[1] is None:
            return
        self._kept[answer.call_id] = answer
        self._kept.move_to_end(answer.call_id)
        while len(self._kept) > 1 and sum(len(each.text) for each in self._kept.values()) > self._most:
            self._kept.popitem(last=False)

    def forget(self, grant_id: str) -> None:
        """Drop the answers to calls of a grant."""
        for call_id in [each for each, answer in self._kept.items() if answer.grant_id == grant_id]:
            del self._kept[call_id]

    def answer(self, call_id: str, offset: int) -> ShownAnswer:
        """Return a kept answer that has more than `offset` characters. Raises Invalid."""
        answer = self._kept.get(call_id)
        if answer is None:
            detail = f"The rest of the answer to call {call_id} is not kept."
            fix = "Make a call with a smaller answer: a page with a token, a filter, or a Range."
            raise Invalid("answer_gone", "The answer is not kept", detail, fix)
        if offset >= len(answer.text):
            detail = f"The answer to call {call_id} has {len(answer.text)} characters, and {offset} is past its end."
            raise Invalid(
                "offset_invalid", "The offset is not valid", detail, "Use next_offset of the previous result."
            )
        return answer
