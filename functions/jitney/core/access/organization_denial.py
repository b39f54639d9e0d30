"""Reads which policy of an organization denied a call, from AWS's message.

AWS names the type of the policy in messages to callers of the same account or organization.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

import re

_MESSAGE = re.compile(
    r"not authorized to perform: (?P<action>[a-z0-9-]{1,40}:[A-Za-z]{1,80})\b.{0,2000}?"
    r"(?:with an explicit deny in an?|because no) "
    r"(?P<policy>service control policy|resource control policy|permissions boundary|VPC endpoint policy)\b",
    re.ASCII | re.DOTALL,
)


def organization_denial(message: str) -> str:
    """Return what denies which action, such as "A service control policy denies sts:TagSession".

    Return "" if the message names no policy of an organization. A role's own policies are none.
    """
    found = _MESSAGE.search(message)
    return f"A {found['policy']} denies {found['action']}" if found else ""
