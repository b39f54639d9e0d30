"""The functions' roles in the emulator: each may do its own work, and none may do another's."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jitney.core.config import load
from tests.local.gaps.contracts import refused
from tests.reviewer_browser import PEOPLE
from tests.running_systems import Clients, alone, session_keys, until
from tests.system.conftest import Api, request_body
from tests.system.review_system import Review
from tests.system.test_ending import measured
from tests.system.test_records import configuration_of

# They widen the trust of the same roles in turn, and put it back.
pytestmark = pytest.mark.xdist_group("roles")


@contextmanager
def session_of(function: str, aws: Any, stack: dict[str, Any], clients: Clients) -> Iterator[Callable[[str], Any]]:
    """Yield clients under the role of `function`. During the test, the role trusts the account as well as Lambda."""
    iam = aws("iam")
    name = aws("lambda").get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
    role = iam.get_role(RoleName=name)["Role"]
    trust = role["AssumeRolePolicyDocument"]
    root_too = {"Effect": "Allow", "Principal": {"AWS": stack["account"]}, "Action": "sts:AssumeRole"}
    widened = {**trust, "Statement": [*trust["Statement"], root_too]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(widened))
    try:
        issued = aws("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="attack")["Credentials"]
        yield lambda service: clients(service, session_keys(issued))
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))


def item(pk: str, sk: str = "X") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}, "expires": {"N": "1"}}


# By function: the partition keys that it may write to in each table.
WRITES = {
    "decisions": {"state": {"PREVIEWS#", "UNOPENED#"}, "audit": {"r-"}},
    "permitted-targets": {"state": {"PREVIEWS#"}, "audit": {"r-"}},
    "grants": {
        # ACTIVE_GRANTS# and REPLAY# it may put, but not change
        "state": {
            "GRANT#",
            "IDEMPOTENCY#",
            "UNOPENED#",
            "JOINS#",
            "PENDING#",
            "REVIEWS_BEGUN#",
            "GRANTS_OPENED#",
            "TRIALS#",
        },
        "audit": {"g-", "r-"},
    },
    "credentials": {"state": {"GRANT#", "RENEWALS#"}, "audit": {"g-", "r-"}},
    "review-schedule": {"state": {"GRANT#"}, "audit": {"g-"}},
    "review-notices": {"state": {"GRANT#"}, "audit": {"g-"}},  # REVIEW# it may put, but not change
    "review-failures": {"state": {"GRANT#"}, "audit": {"g-"}},
    "grant-reads": {"state": set(), "audit": {"r-"}},
    "target-checks": {"state": set(), "audit": {"r-"}},
}
KEYS = {
    "state": {
        "GRANT#",
        "IDEMPOTENCY#",
        "REPLAY#",
        "UNOPENED#",
        "JOINS#",
        "PENDING#",
        "REVIEWS_BEGUN#",
        "GRANTS_OPENED#",
        "TRIALS#",
        "RENEWALS#",
        "PREVIEWS#",
        "ACTIVE_GRANTS#",
        "REVIEW#",
        "OTHER#",
    },
    "audit": {"g-", "r-", "x-"},
}


@pytest.mark.parametrize("function", WRITES)
def test_each_function_writes_its_own_items_only(function: str, aws, stack, clients):
    with session_of(f"jitney-{function}", aws, stack, clients) as session:
        dynamodb = session("dynamodb")
        for table, prefixes in KEYS.items():
            for prefix in prefixes:
                key = {name: value for name, value in item(f"{prefix}attack", "X").items() if name != "expires"}
                # A condition that never holds: what is allowed gets as far as that, and nothing is written.
                never = {"TableName": stack["tables"][table], "ConditionExpression": "attribute_exists(pk)"}
                writes = {"Put": {**never, "Item": item(f"{prefix}attack")}} if table == "audit" else {}
                writes = writes or {"Update": {**never, "Key": key, "UpdateExpression": "REMOVE lifecycle"}}
                allowed = prefix in WRITES[function][table]
                code = "TransactionCanceledException" if allowed else "AccessDeniedException"
                refused(code, dynamodb.transact_write_items, TransactItems=[writes])


def test_a_dry_runs_function_cannot_forge_a_grant(api: Api, aws, stack, clients):
    forged = item("GRANT#g-forgedforgedfo", "GRANT") | {"state": {"S": "active"}}
    with session_of("jitney-decisions", aws, stack, clients) as session:
        dynamodb, state = session("dynamodb"), stack["tables"]["state"]
        refused("AccessDeniedException", dynamodb.put_item, TableName=state, Item=forged)
        # Nor behind an item that it may write.
        own = {"Put": {"TableName": state, "Item": item("REPLAY#beside-a-forged-grant")}}
        behind = [own, {"Put": {"TableName": state, "Item": forged}}]
        refused("AccessDeniedException", dynamodb.transact_write_items, TransactItems=behind)
        dynamodb.transact_write_items(TransactItems=[own])
        for table in stack["tables"].values():
            refused("AccessDeniedException", dynamodb.scan, TableName=table)
    assert api("POST", "/v1/decisions", request_body()).status_code == 200
    assert "Item" not in aws("dynamodb").get_item(TableName=state, Key={k: forged[k] for k in ("pk", "sk")})


def test_the_functions_that_read_grants_read_grants_only(aws, stack, clients):
    state = stack["tables"]["state"]
    own = {"pk": {"S": "GRANT#g-x"}, "sk": {"S": "GRANT"}}
    other = {"pk": {"S": "IDEMPOTENCY#x"}, "sk": {"S": "SINGLE_USE"}}
    query = {"TableName": state, "IndexName": "by_principal", "KeyConditionExpression": "gsi_pk = :p"}
    of_agent = {":p": {"S": "PRINCIPAL#local.reader-agent"}}
    with session_of("jitney-held-reads", aws, stack, clients) as session:
        dynamodb = session("dynamodb")
        dynamodb.get_item(TableName=state, Key=own)
        refused("AccessDeniedException", dynamodb.get_item, TableName=state, Key=other)
        refused("AccessDeniedException", dynamodb.query, **query, ExpressionAttributeValues=of_agent)
    with session_of("jitney-grant-reads", aws, stack, clients) as session:
        dynamodb = session("dynamodb")
        dynamodb.query(**query, ExpressionAttributeValues=of_agent)
        refused("AccessDeniedException", dynamodb.query, **query, ExpressionAttributeValues={":p": {"S": "OTHER#x"}})
        refused("AccessDeniedException", dynamodb.get_item, TableName=state, Key=own)


NAME = "g-aaaaaaaaaaaaaa"
TAGS = {"grant": NAME, "agent": "local.reader-agent", "unit": "local.reader-agent", "human": ""}


def without(tag: str) -> dict[str, Any]:
    return {"Tags": [{"Key": key, "Value": value} for key, value in TAGS.items() if key != tag]}


@pytest.mark.parametrize(
    "change",
    [
        without("grant"),
        without("agent"),
        without("human"),
        {"Tags": [{"Key": key, "Value": value} for key, value in {**TAGS, "agent": ""}.items()]},
        {"Tags": [{"Key": key, "Value": value} for key, value in {**TAGS, "unit": ""}.items()]},
        {"Tags": [{"Key": key, "Value": value} for key, value in {**TAGS, "grant": "x"}.items()]},
        {"Tags": [{"Key": key, "Value": value} for key, value in {**TAGS, "more": "x"}.items()]},
        {"RoleSessionName": "other"},
        {"SourceIdentity": None},
        {"ExternalId": "another"},
        {"Tags": None},
    ],
    ids=[
        "no grant",
        "no agent",
        "no human",
        "empty agent",
        "empty unit",
        "other grant",
        "more",
        "name",
        "source",
        "external",
        "bare",
    ],
)
def test_sts_03_the_target_takes_a_session_of_a_named_grant_only(change: dict[str, Any], aws, stack, clients):
    target = load(configuration_of(aws)).targets["analytics-prod"]
    whole = {
        "RoleArn": target.role_arn,
        "RoleSessionName": NAME,
        "ExternalId": target.external_id,
        "SourceIdentity": TAGS["agent"],
        **without(""),
    }
    with session_of("jitney-grants", aws, stack, clients) as session:
        session("sts").assume_role(**whole)
        changed = {name: value for name, value in {**whole, **change}.items() if value is not None}
        refused("AccessDenied", session("sts").assume_role, **changed)


@pytest.mark.parametrize(
    ("function", "own"),
    [
        ("target-checks", "g-check-aaaaaaaaaaaaaa"),
        ("denial-measurements", "g-canary-aaaaaaaaaaaaaa"),
        ("releases", ""),
        ("revocations", ""),
        ("suspensions", ""),
    ],
)
def test_who_issues_nothing_cannot_take_a_grants_name_and_gets_nothing(function: str, own: str, aws, stack, clients):
    target = load(configuration_of(aws)).targets["analytics-prod"]
    with session_of(f"jitney-{function}", aws, stack, clients) as session:
        for name in ("g-check-aaaaaaaaaaaaaa", "g-canary-aaaaaaaaaaaaaa", NAME):
            tags = [{"Key": key, "Value": value} for key, value in {**TAGS, "grant": name}.items()]
            whole = {
                "RoleArn": target.role_arn,
                "RoleSessionName": name,
                "ExternalId": target.external_id,
                "SourceIdentity": TAGS["agent"],
                "Tags": tags,
            }
            if name != own:
                refused("AccessDenied", session("sts").assume_role, **whole)
                continue
            s3 = clients("s3", session_keys(session("sts").assume_role(**whole)["Credentials"]))
            refused("AccessDenied", s3.put_object, Bucket="reports", Key="secret/salaries.csv", Body=b"")


def test_who_checks_targets_cannot_take_the_revokers_session(aws, stack, clients):
    target = load(configuration_of(aws)).targets["analytics-prod"]
    with session_of("jitney-target-checks", aws, stack, clients) as session:
        revoker = {"RoleArn": target.revoker_arn, "ExternalId": target.external_id}
        refused("AccessDenied", session("sts").assume_role, **revoker, RoleSessionName="deny-document")


@pytest.mark.parametrize("name", ["g-check-aaaaaaaaaaaaaa", "check-aaaaaaaaaaaaaa"])
def test_end_02_who_checks_targets_cannot_write_a_deny_document(name: str, aws, stack, clients):
    target = load(configuration_of(aws)).targets["analytics-prod"]
    nothing = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::nothing/nothing"}
    written = {
        "RoleName": target.role_arn.rpartition("/")[2],
        "PolicyName": "JitneyCheck",
        "PolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": nothing}),
    }
    with session_of("jitney-target-checks", aws, stack, clients) as session:
        revoker = {"RoleArn": target.revoker_arn, "ExternalId": target.external_id, "RoleSessionName": name}
        iam = clients("iam", session_keys(session("sts").assume_role(**revoker)["Credentials"]))
        refused("AccessDenied", iam.put_role_policy, **written)
        # What a check asks, to see who may write.
        refused("NoSuchEntity", iam.delete_role_policy, RoleName=written["RoleName"], PolicyName=written["PolicyName"])


@pytest.mark.parametrize("function", ["jitney-review-notices", "jitney-releases"])
def test_rev_02_who_may_end_a_wait_decides_nothing_and_stops_no_workflow(api: Api, aws, stack, clients, function: str):
    review = Review(api, stack, aws)
    grant_id = review.ask()
    token = review.waiting(grant_id)
    with session_of("jitney-review-schedule", aws, stack, clients) as session:
        refused("AccessDeniedException", session("stepfunctions").send_task_success, taskToken=token, output="{}")
    with session_of(function, aws, stack, clients) as session:
        refused("AccessDeniedException", session("stepfunctions").stop_execution, executionArn=review.arn(grant_id))
        session("stepfunctions").send_task_success(taskToken=token, output="{}")
    assert review.shown(grant_id)["state"] == "pending"
    review.release(grant_id)


# Functions that change how a grant ends, and never what was requested and approved. Each may write these members:
NEVER_DECIDES = {
    "credentials": {"open_role"},
    "denial-measurements": {"ending"},
    "reconciler": {"open_role", "ending"},
    "releases": {"open_role", "ending"},
    "revocations": {"open_role", "ending"},
    "suspensions": {"open_role", "ending"},
    "review-failures": {"open_role"},
    "review-notices": set(),
    "review-schedule": {"open_role"},
}
FORGED = {":forged": {"S": "forged"}}
# By what is tried: an update that names an attribute which is none of its own, in every way that DynamoDB knows.
FORGERIES: dict[str, dict[str, Any]] = {
    "set": {"UpdateExpression": "SET terms = :forged"},
    "by another name": {"UpdateExpression": "SET #life = :forged", "ExpressionAttributeNames": {"#life": "terms"}},
    "beside its own": {"UpdateExpression": "SET lifecycle = :forged, terms = :forged"},
    "a part": {"UpdateExpression": "SET terms.approvals[0] = :forged"},
    "if it is not there": {"UpdateExpression": "SET lifecycle = if_not_exists(terms, :forged)"},
    "a condition": {"UpdateExpression": "SET lifecycle = :forged", "ConditionExpression": "terms = :forged"},
    "removed": {"UpdateExpression": "REMOVE terms"},
    "added to": {"UpdateExpression": "ADD terms :forged"},
    "whose it is": {"UpdateExpression": "SET gsi_pk = :forged"},
    "deleted soon": {"UpdateExpression": "SET expires = :forged"},
    "without expressions": {"AttributeUpdates": {"terms": {"Value": {"S": "forged"}, "Action": "PUT"}}},
    "expected": {
        "AttributeUpdates": {"lifecycle": {"Value": {"S": "forged"}, "Action": "PUT"}},
        "Expected": {"terms": {"Value": {"S": "forged"}}},
    },
}


def update_of(table: str, key: dict[str, Any], forgery: dict[str, Any]) -> dict[str, Any]:
    used = ":forged" in json.dumps(forgery)
    return {"TableName": table, "Key": key, **forgery, **({"ExpressionAttributeValues": FORGED} if used else {})}


@pytest.mark.parametrize("function", NEVER_DECIDES)
def test_rev_03_who_never_decides_cannot_write_what_was_asked_and_approved(
    function: str, api: Api, aws, stack, clients
):
    review, state = Review(api, stack, aws), stack["tables"]["state"]
    grant_id = review.ask()
    key = {"pk": {"S": f"GRANT#{grant_id}"}, "sk": {"S": "GRANT"}}
    before = aws("dynamodb").get_item(TableName=state, Key=key)["Item"]["terms"]
    ending = {"its end": {"UpdateExpression": "SET ending = :forged"}}
    forgeries = FORGERIES | ({} if "ending" in NEVER_DECIDES[function] else ending)
    with session_of(f"jitney-{function}", aws, stack, clients) as session:
        dynamodb = session("dynamodb")
        for name in {"lifecycle", "records"} | NEVER_DECIDES[
            function
        ]:  # its own, as far as a condition that never holds
            own = {"UpdateExpression": f"SET {name} = :forged", "ConditionExpression": "records = :forged"}
            refused("ConditionalCheckFailedException", dynamodb.update_item, **update_of(state, key, own))
        for forgery in forgeries.values():
            update = update_of(state, key, forgery)
            refused("AccessDeniedException", dynamodb.update_item, **update)
            if "UpdateExpression" in update:
                refused("AccessDeniedException", dynamodb.transact_write_items, TransactItems=[{"Update": update}])
        put = {"TableName": state, "Item": {**key, "terms": {"S": "forged"}}}
        refused("AccessDeniedException", dynamodb.put_item, **put)
        refused("AccessDeniedException", dynamodb.transact_write_items, TransactItems=[{"Put": put}])
        refused("AccessDeniedException", dynamodb.delete_item, TableName=state, Key=key)
        batch = {state: [{"PutRequest": {"Item": put["Item"]}}]}
        refused("AccessDeniedException", dynamodb.batch_write_item, RequestItems=batch)
        statement = f"UPDATE \"{state}\" SET terms='forged' WHERE pk='{key['pk']['S']}' AND sk='GRANT'"  # noqa: S608
        refused("AccessDeniedException", dynamodb.execute_statement, Statement=statement)
    assert aws("dynamodb").get_item(TableName=state, Key=key)["Item"]["terms"] == before
    review.release(grant_id)


def forge_life(review: Review, grant_id: str, dynamodb: Any, **members: Any) -> None:
    """Write a grant's end with a role that never decides."""
    state = review.stack["tables"]["state"]
    key = {"pk": {"S": f"GRANT#{grant_id}"}, "sk": {"S": "GRANT"}}
    life = json.loads(dynamodb.get_item(TableName=state, Key=key)["Item"]["lifecycle"]["S"])
    forged = {":life": {"S": json.dumps(life | members)}}
    dynamodb.update_item(
        TableName=state, Key=key, UpdateExpression="SET lifecycle = :life", ExpressionAttributeValues=forged
    )


@pytest.mark.parametrize("function", NEVER_DECIDES)
def test_pol_01_a_forged_state_opens_nothing(function: str, api: Api, aws, stack, clients):
    review = Review(api, stack, aws)
    pending, released = review.ask(), api.ask()["grant"]["id"]
    assert api("DELETE", f"/v1/grants/{released}").status_code == 200
    # Its reviewers have been notified: no other function writes at the same time, and the forgery breaks no chain.
    until(lambda: "notice" in review.events(pending))
    with session_of(f"jitney-{function}", aws, stack, clients) as session:
        for grant_id in (pending, released):
            forge_life(review, grant_id, session("dynamodb"), state="active")
    answer = api("POST", f"/v1/grants/{pending}/credentials", {}, agent="writer-agent")
    assert (answer.status_code, answer.json()["code"]) == (409, "grant_pending")
    answer = api("POST", f"/v1/grants/{released}/credentials", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "grant_released")
    # What people decide then still holds.
    with alone(PEOPLE):
        review.vote(pending)
    assert api("POST", f"/v1/grants/{pending}/credentials", {}, agent="writer-agent").status_code == 200
    review.release(pending)


def test_end_01_a_forged_state_does_not_stop_a_revocation(api: Api, aws, stack, clients):
    review = Review(api, stack, aws)
    for state in ("expired", "revoked", "rejected"):
        grant_id = api.ask()["grant"]["id"]
        with session_of("jitney-review-schedule", aws, stack, clients) as session:
            forge_life(review, grant_id, session("dynamodb"), state=state)
        answer = api("DELETE", f"/v1/grants/{grant_id}")
        assert (answer.status_code, answer.json()["grant"]["state"]) == (200, "released")
        until(lambda grant_id=grant_id: measured(api, grant_id))


@pytest.fixture
def sealed(aws, stack) -> str:
    """Return the key of an existing seal."""
    answer = json.loads(aws("lambda").invoke(FunctionName="jitney-sealer")["Payload"].read())
    return f"seals/{answer['seal']:010d}.json"


def test_aud_02_the_function_that_seals_can_only_add(sealed: str, aws, stack, clients):
    seals, records = stack["buckets"]["seals"], stack["buckets"]["records"]
    before = aws("s3").head_object(Bucket=seals, Key=sealed)
    until = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}
    one = {"Bucket": seals, "Key": sealed}
    with session_of("jitney-sealer", aws, stack, clients) as session:
        s3 = session("s3")
        refused("PreconditionFailed", s3.put_object, **one, Body=b"forged", IfNoneMatch="*")
        refused("AccessDenied", s3.put_object, **one, Body=b"forged")
        refused("AccessDenied", s3.delete_object, **one)
        refused("AccessDenied", s3.delete_object, **one, VersionId=before["VersionId"], BypassGovernanceRetention=True)
        refused("AccessDenied", s3.put_object_retention, **one, Retention=until)
        refused("AccessDenied", s3.put_bucket_policy, Bucket=seals, Policy="{}")
        refused("AccessDenied", s3.put_object, Bucket=seals, Key="other/x", Body=b"", IfNoneMatch="*")
        refused("AccessDenied", s3.put_object, Bucket=records, Key="records/dt=2026-01-01/x", Body=b"", IfNoneMatch="*")
        refused("AccessDenied", s3.delete_object, Bucket=records, Key="records/dt=2026-01-01/x")
        tables_key = aws("kms").describe_key(KeyId="alias/jitney")["KeyMetadata"]["Arn"]
        refused("AccessDeniedException", session("kms").encrypt, KeyId=tables_key, Plaintext=b"x")
    # The lock holds for every principal, also for the root user of the account.
    version = {**one, "VersionId": before["VersionId"]}
    refused("AccessDenied", aws("s3").delete_object, **version, BypassGovernanceRetention=True)
    refused("AccessDenied", aws("s3").put_object_retention, **version, Retention=until)
    assert before["ObjectLockMode"] == "COMPLIANCE"
    assert before["ObjectLockRetainUntilDate"] > datetime.now(UTC) + timedelta(days=399)


@pytest.mark.parametrize("function", ["grants", "publisher", "reconciler", "health"])
def test_aud_02_no_other_function_makes_a_seal(function: str, sealed: str, aws, stack, clients):
    wish = {"KeyId": stack["seal_key_arn"], "Message": b"x" * 32, "MessageType": "DIGEST"}
    with session_of(f"jitney-{function}", aws, stack, clients) as session:
        free = {"Bucket": stack["buckets"]["seals"], "Key": "seals/9999999999.json", "IfNoneMatch": "*"}
        refused("AccessDenied", session("s3").put_object, **free, Body=b"forged")
        refused("AccessDenied", session("s3").delete_object, Bucket=stack["buckets"]["seals"], Key=sealed)
        refused("AccessDeniedException", session("kms").sign, **wish, SigningAlgorithm="ECDSA_SHA_256")


def test_aud_02_not_even_an_administrator_signs_or_adds_while_the_policies_stand(aws, stack, clients):
    """The administrator may do every action on everything.

    What remains is to change the policies, which CloudTrail shows.
    """
    iam, name = aws("iam"), "administrator"
    trust = {"Effect": "Allow", "Principal": {"AWS": stack["account"]}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document)
    issued = aws("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    s3, kms = (clients(service, session_keys(issued)) for service in ("s3", "kms"))
    free = {"Bucket": stack["buckets"]["seals"], "Key": "seals/9999999999.json", "IfNoneMatch": "*"}
    refused("AccessDenied", s3.put_object, **free, Body=b"forged")
    refused("AccessDenied", s3.delete_object, Bucket=free["Bucket"], Key="seals/0000000000.json")
    wish = {"KeyId": stack["seal_key_arn"], "Message": b"x" * 32, "MessageType": "DIGEST"}
    refused("AccessDeniedException", kms.sign, **wish, SigningAlgorithm="ECDSA_SHA_256")
