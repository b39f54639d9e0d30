"""A Strands tool that reads one report. Each use has access to that report only, and for a minute.

pip install 'jitney[sdk]' strands-agents. Without another model, Strands calls Bedrock with credentials of its own.
"""

from strands import Agent, tool
from strands.models import Model

import jitney


@tool
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


def answer(model: Model, question: str) -> str:
    """Return the model's answer, which it may look up in reports."""
    return str(Agent(model=model, tools=[read_report], callback_handler=None)(question))
