"""The types of policies in AWS's messages about denied calls (row STS 8)."""

import pytest

from jitney.core.access.denial_reasons import organization_denial, role_policy_denied

USER = (
    "User: arn:aws:sts::111122223333:assumed-role/jitney-grants-eu-west-1/jitney-grants is not authorized to perform:"
)
ROLE = "on resource: arn:aws:iam::444455556666:role/jitney/jitney-target-prod"

# The forms are those of the IAM User Guide, "Troubleshoot access denied error messages".
MESSAGES = {
    f"{USER} sts:TagSession {ROLE} with an explicit deny in a service control policy": (
        "A service control policy denies sts:TagSession"
    ),
    f"{USER} sts:AssumeRole {ROLE} with an explicit deny in a service control policy: "
    "arn:aws:organizations::999988887777:policy/o-abc/service_control_policy/p-abc": (
        "A service control policy denies sts:AssumeRole"
    ),
    f"{USER} sts:AssumeRole because no service control policy allows the sts:AssumeRole action": (
        "A service control policy denies sts:AssumeRole"
    ),
    f"{USER} sts:AssumeRole {ROLE} with an explicit deny in a resource control policy": (
        "A resource control policy denies sts:AssumeRole"
    ),
    f"{USER} sts:SetSourceIdentity {ROLE} because no permissions boundary allows the sts:SetSourceIdentity action": (
        "A permissions boundary denies sts:SetSourceIdentity"
    ),
    f"{USER} sts:AssumeRole {ROLE} because no VPC endpoint policy allows the sts:AssumeRole action": (
        "A VPC endpoint policy denies sts:AssumeRole"
    ),
    f"{USER} sts:AssumeRole {ROLE}": "",
    f"{USER} sts:AssumeRole {ROLE} because no identity-based policy allows the sts:AssumeRole action": "",
    f"{USER} sts:AssumeRole {ROLE} because no resource-based policy allows the sts:AssumeRole action": "",
    f"{USER} iam:DeleteRolePolicy {ROLE} with an explicit deny in a session policy": "",
    "Access denied": "",
    "": "",
    "with an explicit deny in a service control policy": "",
}


@pytest.mark.parametrize(("message", "denial"), MESSAGES.items())
def test_sts_08_only_a_policy_of_the_organization_is_named(message: str, denial: str):
    assert organization_denial(message) == denial


def test_sts_08_a_long_message_is_read_in_time():
    assert organization_denial(f"{USER} sts:AssumeRole {'because no ' * 200_000}") == ""
    assert organization_denial("not authorized to perform: sts:A " * 20_000) == ""


def test_end_01_only_a_deny_of_the_roles_own_policies_is_the_deny_document():
    denied = {message: role_policy_denied(message) for message in MESSAGES}
    assert {message for message, own in denied.items() if own} == {f"{USER} sts:AssumeRole {ROLE}", "Access denied", ""}
    assert role_policy_denied(f"{USER} sts:AssumeRole {ROLE} with an explicit deny in an identity-based policy")
