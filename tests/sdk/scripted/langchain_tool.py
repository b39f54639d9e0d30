"""Runs the LangChain example with a model that follows a script. Prints what the model was given, and its answer."""

import sys
from typing import Any

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

sys.path.insert(0, sys.argv[1])

import langchain_tool

SEEN: list[str] = []


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **_: Any) -> Any:
        print([tool.name for tool in tools])
        return self

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        SEEN[:] = [each.text for each in messages]
        return super()._generate(messages, *args, **kwargs)


def use(number: int) -> AIMessage:
    call = {"name": "read_report", "args": {"key": "2026/q3.csv"}, "id": str(number)}
    return AIMessage("", tool_calls=[call])


script = iter([use(1), use(2), use(3), AIMessage("The quarter was good.")])
print(langchain_tool.answer(Scripted(messages=script), "How was the quarter?"))
print(SEEN)
