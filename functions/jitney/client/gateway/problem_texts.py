"""A problem's code and message in AWS's manner, for answers that SDKs show."""

import json

from jitney.client.problems import ClientProblem


def error_code(code: str) -> str:
    """Return a problem's code in AWS's manner, such as JitneyCallOutsideGrant."""
    return "Jitney" + "".join(word.capitalize() for word in code.split("_"))


def message_of(problem: ClientProblem) -> str:
    """Return what happened and what to do, with the smallest request that would be enough, if the broker named one."""
    sentences = [problem.detail, problem.fix]
    if smallest := problem.members.smallest_request:
        sentences.append(f"smallest_request: {json.dumps(smallest)}")
    return " ".join(each for each in sentences if each)
