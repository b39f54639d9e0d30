"""A tool of the OpenAI Agents SDK that reads one report. Each use has access to that report only, and for a minute.

pip install 'jitney[sdk]' openai-agents
"""

from agents import Agent, Model, Runner, function_tool

import jitney


@function_tool
def read_report(key: str) -> str:
    """Return the text of a report.

    Args:
        key: the report's key, such as 2026/q3.csv

    """
    report = {"Bucket": "reports", "Key": key}
    access = jitney.grant(
        "analytics-prod", calls=[("s3", "GetObject", report)], reason=f"read the report {key}", duration="1m", wait=0
    )
    try:
        with access as session:
            return session.client("s3").get_object(**report)["Body"].read().decode()
    except jitney.ClientProblem as problem:
        return str(problem)  # what happened, and what the model or a person can do


def answer(model: Model | str, question: str) -> str:
    """Return the model's answer, which it may look up in reports."""
    return Runner.run_sync(Agent(name="reader", tools=[read_report], model=model), question).final_output
