"""Runs the example for OpenAI's SDK with a model that follows a script. Prints what the model got, and its answer."""

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

from agents import Model, ModelResponse, Usage, set_tracing_disabled
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

sys.path.insert(0, sys.argv[1])

import openai_agents_tool

SEEN: list[str] = []


class Scripted(Model):
    def __init__(self) -> None:
        self.turn = 0

    async def get_response(self, *_: Any, **given: Any) -> ModelResponse:
        self.turn += 1
        SEEN[:] = [json.dumps(given["input"], ensure_ascii=False)]
        if self.turn <= 3:
            print([each.name for each in given["tools"]])
            call = ResponseFunctionToolCall(
                type="function_call",
                name="read_report",
                call_id=str(self.turn),
                arguments=json.dumps({"key": "2026/q3.csv"}),
            )
            return ModelResponse(output=[call], usage=Usage(), response_id=None)
        text = ResponseOutputText(type="output_text", text="The quarter was good.", annotations=[])
        message = ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[text])
        return ModelResponse(output=[message], usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


set_tracing_disabled(True)
print(openai_agents_tool.answer(Scripted(), "How was the quarter?"))
print(SEEN)
