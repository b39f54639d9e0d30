"""END 6: a target with several roles, whose deny documents are IAM's, and IAM is the emulator's."""

from typing import Any

from jitney.core.target_roles import roles_of
from tests.local.gaps.contracts import refused
from tests.running_systems import session_keys, until
from tests.system.conftest import Own
from tests.system.own_system import ACCOUNTS, BOUND, GROUP, OPERATOR, ROLES

AGENT = "robot-of-many-roles"
KEY = {"Bucket": BOUND, "Key": "raw/a.csv"}
POLICY = "JitneyRevocations"
pytestmark = GROUP


def requested(own: Own) -> dict[str, Any]:
    permissions = [{"actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::{BOUND}/raw/a.csv"]}]
    body = {"target": BOUND, "permissions": permissions, "duration_seconds": 900, "reason": "monthly report"}
    answer = own.api("POST", "/v1/grants", body, agent=AGENT)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def reader(own: Own, answer: dict[str, Any]) -> Any:
    return own.clients("s3", session_keys(answer["credentials"])).get_object


def role_of(own: Own, answer: dict[str, Any]) -> str:
    """Return the name of the role whose session the credentials are."""
    arn = own.clients("sts", session_keys(answer["credentials"])).get_caller_identity()["Arn"]
    return str(arn.split("/")[-2])


def test_end_06_each_role_denies_the_ends_of_its_own_grants_alone(own: Own):
    iam, names = own.aws("iam", ACCOUNTS[BOUND]), roles_of(f"{BOUND}-robots", ROLES)
    grants: dict[str, dict[str, Any]] = {}
    for _ in range(40):
        answer = requested(own)
        grants[role_of(own, answer)] = answer
        if len(grants) == ROLES:
            break
    assert grants.keys() == {*names}
    for name, answer in grants.items():
        grant_id = answer["grant"]["id"]
        assert reader(own, answer)(**KEY)["Body"].read()
        assert own.api("DELETE", f"/v1/grants/{grant_id}", agent=AGENT).status_code == 200
        refused("AccessDenied", reader(own, answer), **KEY)
        written = {each: str(iam.get_role_policy(RoleName=each, PolicyName=POLICY)) for each in names
                   if POLICY in iam.list_role_policies(RoleName=each)["PolicyNames"]}  # fmt: skip
        assert [each for each, document in written.items() if grant_id in document] == [name]
        until(lambda path=f"/v1/grants/{grant_id}": _denied_after(own, path))


def _denied_after(own: Own, path: str) -> Any:
    return own.api("GET", path, agent=AGENT).json()["grant"]["ending"]["denied_after_milliseconds"]


def test_end_06_a_check_of_the_target_tries_each_role_and_all_are_right(own: Own):
    answer = own.api("POST", f"/v1/targets/{BOUND}/check", agent=OPERATOR)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [each["name"] for each in body["attempts"] if not each["ok"]] == []
    names = {each["name"] for each in body["attempts"]}
    assert {"role", "role2", "role3", "revoker_writes", "revoker_writes2", "revoker_writes3"} <= names
