"""Access profiles: from the request to what AWS allows, with the managed policy that the target's stack made."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.running_systems import session_keys
from tests.system.conftest import Own
from tests.system.own_system import ACCOUNTS, GROUP, OPERATOR, PLAIN, PROFILE

# One test deletes the managed policy for a moment.
pytestmark = [GROUP, pytest.mark.slow]
SEEDS = f"{PLAIN}-seeds"


@pytest.fixture(scope="module", autouse=True)
def _bucket(own: Own) -> None:
    where = {"LocationConstraint": "eu-west-1"}
    own.aws("s3", ACCOUNTS[PLAIN]).create_bucket(Bucket=SEEDS, CreateBucketConfiguration=where)


def ask(own: Own, agent: str, **members: Any) -> Any:
    body = {"target": PLAIN, "access_profile": PROFILE, "duration_seconds": 900, "reason": "sow", **members}
    return own.api("POST", "/v1/grants", body, agent=agent)


def allowed(own: Own, credentials: dict[str, str]) -> set[str]:
    """Return the calls that the credentials allow."""
    issued = {"AccessKeyId": "access_key_id", "SecretAccessKey": "secret_access_key", "SessionToken": "session_token"}
    s3 = own.clients("s3", session_keys({theirs: credentials[ours] for theirs, ours in issued.items()}))
    calls = {
        "get": lambda: s3.get_object(Bucket=PLAIN, Key="raw/a.csv"),
        "get another": lambda: s3.get_object(Bucket=SEEDS, Key="1"),
        "put": lambda: s3.put_object(Bucket=SEEDS, Key="1", Body=b"1"),
        "put elsewhere": lambda: s3.put_object(Bucket=PLAIN, Key="raw/a.csv", Body=b"1"),
        "list": lambda: s3.list_objects_v2(Bucket=PLAIN),
    }
    found = set()
    for name, call in calls.items():
        try:
            call()
            found.add(name)
        except ClientError as refusal:
            assert refusal.response["Error"]["Code"] == "AccessDenied", name
    return found


def test_sts_01_pol_15_a_session_has_the_profile_and_nothing_else(own: Own):
    answer = ask(own, "sower")
    assert answer.status_code == 201, answer.text
    assert answer.json()["grant"]["access_profile"]["name"] == PROFILE
    assert allowed(own, answer.json()["credentials"]) == {"get", "put"}


def test_sts_01_pol_15_a_narrowed_profile_has_only_what_is_left(own: Own):
    answer = ask(own, "gleaner", permissions=[{"actions": ["s3:Get*"], "resources": ["*"]}])
    assert answer.status_code == 201, answer.text
    assert allowed(own, answer.json()["credentials"]) == {"get"}


def test_end_01_a_grant_on_a_profile_is_released_like_any_other(own: Own):
    answer = ask(own, "leaver")
    grant = answer.json()["grant"]["id"]
    assert own.api("DELETE", f"/v1/grants/{grant}", agent="leaver").status_code == 200
    assert allowed(own, answer.json()["credentials"]) == set()


@contextmanager
def without_the_policy(own: Own) -> Iterator[str]:
    """Delete the profile's managed policy, as if the target's stack were not deployed again."""
    iam = own.aws("iam", ACCOUNTS[PLAIN])
    policies = iam.list_policies(Scope="Local")["Policies"]
    (found,) = [each for each in policies if f"jitney-profile-{PLAIN}.{PROFILE}." in each["PolicyName"]]
    version = iam.get_policy_version(PolicyArn=found["Arn"], VersionId=found["DefaultVersionId"])
    iam.delete_policy(PolicyArn=found["Arn"])
    try:
        yield found["Arn"]
    finally:
        document = json.dumps(version["PolicyVersion"]["Document"])
        iam.create_policy(PolicyName=found["PolicyName"], Path=found["Path"], PolicyDocument=document)


def test_pol_15_a_policy_that_is_not_deployed_is_a_problem_that_names_it_and_fails_the_check(own: Own):
    check = f"/v1/targets/{PLAIN}/check"
    assert own.api("POST", check, agent=OPERATOR).json()["passed"]
    with without_the_policy(own) as arn:
        answer = ask(own, "early-bird")
        assert (answer.status_code, answer.json()["code"]) == (502, "access_profile_missing")
        assert answer.json()["policy_arn"] == arn
        attempts = own.api("POST", check, agent=OPERATOR).json()["attempts"]
        assert [each["name"] for each in attempts if not each["ok"]] == [f"profile_{PROFILE}"]
    assert own.api("POST", check, agent=OPERATOR).json()["passed"]
