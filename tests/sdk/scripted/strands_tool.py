"""Runs the Strands example with a model that follows a script. Prints what the model was given, and its answer."""

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

from strands.models import Model

sys.path.insert(0, sys.argv[1])

import strands_tool

SEEN: list[str] = []


class Scripted(Model):
    def __init__(self) -> None:
        self.turn = 0

    def update_config(self, **_: Any) -> None:
        """Take no configuration."""

    def get_config(self) -> Any:
        return {}

    def structured_output(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    async def stream(self, messages: Any, tool_specs: Any = None, *_: Any, **__: Any) -> AsyncIterator[Any]:
        self.turn += 1
        SEEN[:] = [json.dumps(messages, ensure_ascii=False)]
        yield {"messageStart": {"role": "assistant"}}
        if self.turn <= 3:
            print([each["name"] for each in tool_specs])
            call = {"toolUse": {"toolUseId": f"t{self.turn}", "name": "read_report"}}
            yield {"contentBlockStart": {"start": call}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps({"key": "2026/q3.csv"})}}}}
            yield {"contentBlockStop": {}}
            yield {"messageStop": {"stopReason": "tool_use"}}
        else:
            yield {"contentBlockDelta": {"delta": {"text": "The quarter was good."}}}
            yield {"contentBlockStop": {}}
            yield {"messageStop": {"stopReason": "end_turn"}}


print(strands_tool.answer(Scripted(), "How was the quarter?"))
print(SEEN)
