"""A LangChain tool that reads one report. Each use has access to that report only, and for a minute.

pip install 'jitney[sdk]' langchain-core, and the package of your model.
"""

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.tools import tool

import jitney


@tool
def read_report(key: str) -> str:
    """Return the text of a report, by its key, such as 2026/q3.csv."""
    report = {"Bucket": "reports", "Key": key}
    access = jitney.grant(
        "analytics-prod", calls=[("s3", "GetObject", report)], reason=f"read the report {key}", duration="1m", wait=0
    )
    try:
        with access as session:
            return session.client("s3").get_object(**report)["Body"].read().decode()
    except jitney.ClientProblem as problem:
        return str(problem)  # what happened, and what the model or a person can do


def answer(model: BaseChatModel, question: str) -> str:
    """Return the model's answer, which it may look up in reports."""
    messages: list[BaseMessage] = [HumanMessage(question)]
    with_tool = model.bind_tools([read_report])
    while True:
        reply = with_tool.invoke(messages)
        messages.append(reply)
        if not reply.tool_calls:
            return reply.text
        messages += [read_report.invoke(call) for call in reply.tool_calls]
