"""Reads from AWS's message about a denied call which type of policy denied it.

AWS names the type in messages to callers of the same account or organization.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

import re

_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]{1,40}:[A-Za-z]{1,80})\b", re.ASCII)
_REASON = re.compile(
    r"(?P<how>with an explicit deny in an?|because no) (?P<policy>[A-Za-z-]+(?: [A-Za-z-]+){0,2} policy"
    r"|permissions boundary)\b",
    re.ASCII,
)
_OF_ORGANIZATIONS = frozenset(
    {"service control policy", "resource control policy", "permissions boundary", "VPC endpoint policy"}
)


def organization_denial(message: str) -> str:
    """Return what denies which action, such as "A service control policy denies sts:TagSession".

    Return "" if the message names no policy of an organization. A role's own policies are none.
    """
    action, reason = _ACTION.search(message), _REASON.search(message)
    if action is None or reason is None or reason["policy"] not in _OF_ORGANIZATIONS:
        return ""
    return f"A {reason['policy']} denies {action[1]}"


def role_policy_denied(message: str) -> bool:
    """Return whether a Deny of the role's own policies refused the call, or may have: not every message has a reason.

    Other policies, such as those of an organization, may have denied the same call before.
    """
    reason = _REASON.search(message)
    return reason is None or (reason["how"] != "because no" and reason["policy"] == "identity-based policy")
