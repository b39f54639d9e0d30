"""A running system whose configuration changes: what its open grants and records become (row OPS 2)."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.deploy import assembly, deployment
from local.description import known_variables
from tests.running_systems import RUN_VARIABLE, Clients, run_local, settings_in, start_stack, until
from tests.system import changing_system
from tests.system.changing_system import (
    ACCOUNTS,
    FACTORY,
    FROZEN_READ,
    FROZEN_WRITE,
    GUESTS,
    KEPT,
    NEW_NAME,
    REMOVED,
    RENAMED,
    REVIEWER,
    TEMPS,
    VISITORS,
    ChangingSystem,
    Granted,
)
from tests.system.own_system import serving_keys
from tests.system.test_records import chain_of

pytestmark = [pytest.mark.xdist_group("updates"), pytest.mark.slow]
ROBOT, GUEST, TEMP = (f"{issuer}/robot" for issuer in (FACTORY, GUESTS, TEMPS))


@pytest.fixture
def system() -> Iterator[ChangingSystem]:
    settings = settings_in(Path(os.environ[RUN_VARIABLE]), "changing")
    with serving_keys() as issuer, changing_system.client() as http:
        config = changing_system.configured(settings, issuer)
        stack = start_stack(settings, config)
        clients = Clients(stack["aws_endpoint"], stack["region"])
        made = ChangingSystem(settings, issuer, http, stack, clients)
        for bucket, account in ACCOUNTS.items():
            s3 = made.aws("s3", account)
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
            s3.put_object(Bucket=bucket, Key="raw/a.csv", Body=b"a,b\n")
        yield made
        clients.close()
        run_local(settings, config, "down")


def test_ops_02_a_running_system_changes_and_keeps_its_promises(system: ChangingSystem):
    """In one test, because each start of a system and each synthesis takes many seconds."""
    robot, pending = system.granted(ROBOT, KEPT), requested(system)
    keys = [system.stack["seal_key"]]
    system.sealed(robot.id)
    targets_issuers_and_the_key_of_seals_change(system, keys)
    assert (robot.works(), robot.renewal()) == (True, (200, ""))
    approved(system, pending)
    the_next_seals_have_the_new_key(system, keys, robot)
    a_restored_table_is_adopted(system, keys)


def requested(system: ChangingSystem, target: str = KEPT, action: str = "s3:PutObject") -> str:
    """Return a request that waits for its reviewer."""
    answer = system.ask(ROBOT, target, action)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["grant"]["id"])


def approved(system: ChangingSystem, grant_id: str) -> None:
    """Let the reviewer approve, and the agent get credentials."""
    path = f"/v1/reviews/{grant_id}"
    body = {"verdict": "approve", "content": until(lambda: content(system, path))}
    step = system.api("POST", f"{path}/votes", body, agent=REVIEWER)
    assert step.json()["code"] == "confirmation_required", step.text
    body["confirmed"] = step.json()["review"]["content"]
    voted = system.api("POST", f"{path}/votes", body, agent=REVIEWER)
    assert voted.status_code == 200, voted.text
    fetched = system.api("POST", f"/v1/grants/{grant_id}/credentials", agent=ROBOT)
    assert fetched.status_code == 200, fetched.text


def content(system: ChangingSystem, path: str) -> str:
    return str(system.api("GET", path, agent=REVIEWER).json()["review"]["content"])


def the_next_seals_have_the_new_key(system: ChangingSystem, keys: list[str], grant: Granted) -> None:
    """docs/runbooks/records.md, "Replace the key of seals"."""
    system.sealed(grant.id)
    verified(system, keys)
    code, document = verification(system, keys[:1])
    (failure,) = document["failures"]
    assert (code, f"it names the key {keys[1]}, which is not trusted" in failure["sentence"]) == (1, True)


def verification(system: ChangingSystem, keys: list[str]) -> tuple[int, dict[str, Any]]:
    return system.command("audit", "verify", *(word for key in keys for word in ("--key", key)))


def verified(system: ChangingSystem, keys: list[str]) -> None:
    code, document = verification(system, keys)
    assert (code, document["failures"], document["unverified"]) == (0, [], [])


def targets_issuers_and_the_key_of_seals_change(system: ChangingSystem, keys: list[str]) -> None:
    """One target and one issuer are renamed, and one of each is removed, without any preparation."""
    renamed, revoked, waiting = (
        system.granted(ROBOT, RENAMED),
        system.granted(ROBOT, RENAMED),
        requested(system, RENAMED),
    )
    removed, other = system.granted(ROBOT, REMOVED), system.granted(ROBOT, REMOVED)
    frozen, frozen_write = system.ask(ROBOT, KEPT, FROZEN_READ), requested(system, KEPT, FROZEN_WRITE)
    guest, temp, ended = system.granted(GUEST, KEPT), system.granted(TEMP, KEPT), system.granted(TEMP, KEPT)
    system.invoked("jitney-reconciler")  # as every five minutes: it remembers the roles of targets

    def change(document: dict[str, Any]) -> None:
        targets, issuers = document["targets"], document["issuers"]
        targets[NEW_NAME] = targets.pop(RENAMED)
        del targets[REMOVED], issuers[TEMPS]
        document["issuers"] = {VISITORS if name == GUESTS else name: each for name, each in issuers.items()}
        document["broker"] |= {"seal_key": 2, "tags": {"cost-center": "1234"}}
        document["time_windows"]["freeze"] = changing_system.freeze(-60, 7200)

    earlier, kept = system.stack["seal_key_arn"], [system.stack[name] for name in ("tables", "buckets", "api_url")]
    said = system.update(change, "Jitney")
    assert [system.stack[name] for name in ("tables", "buckets", "api_url")] == kept
    for name in (RENAMED, REMOVED):
        assert f"JitneyTarget-{name} in account {ACCOUNTS[name]} stays" in said
    the_key_of_seals_is_another(system, earlier)
    keys.append(system.stack["seal_key"])
    the_target_is_renamed(system, renamed, revoked)
    can_only_be_rejected(system, waiting)
    the_issuer_is_renamed(system, guest)
    the_issuer_is_removed(system, temp, ended)
    the_target_is_removed(system, removed, other)
    the_freeze_denies(system, frozen.json()["grant"]["id"], frozen_write)


def the_key_of_seals_is_another(system: ChangingSystem, earlier: str) -> None:
    kms = system.aws("kms")
    aliases = {each["AliasName"]: each["TargetKeyId"] for each in kms.list_aliases()["Aliases"]}
    assert "alias/jitney-seals" not in aliases
    assert system.stack["seal_key_arn"].endswith(aliases["alias/jitney-seals2"])
    assert kms.describe_key(KeyId=earlier)["KeyMetadata"]["KeyState"] == "Enabled"


def the_target_is_renamed(system: ChangingSystem, grant: Granted, revoked: Granted) -> None:
    """docs/target-changes.md, "Change the alias"."""
    assert grant.works()
    assert system.ask(ROBOT, NEW_NAME, bucket=RENAMED).json()["code"] == "issue_refused"
    code, said = system.try_update(lambda _: None, f"JitneyTarget-{NEW_NAME}")
    assert (code, "already exists" in said) == (1, True)
    assert grant.works()
    stacks = assembly.synthesize(replace(system.settings, config=system.config), known_variables(system.stack))
    (stack,) = (each for each in stacks if each.name == f"JitneyTarget-{NEW_NAME}")
    deployment.deploy(replace(stack, name=f"JitneyTarget-{RENAMED}"), system.stack["aws_endpoint"])
    assert (grant.works(), grant.renewal()) == (True, (400, "target_unknown"))
    assert (revoked.revocation(), revoked.works(), revoked.state()) == ((200, ""), False, "revoked")
    assert grant.works()
    assert system.ask(ROBOT, NEW_NAME, bucket=RENAMED).status_code == 201


def can_only_be_rejected(system: ChangingSystem, grant_id: str) -> None:
    path = f"/v1/reviews/{grant_id}"
    body = {"verdict": "approve", "content": content(system, path)}
    approval = system.api("POST", f"{path}/votes", body, agent=REVIEWER)
    assert approval.json()["code"] == "target_unknown", approval.text
    body |= {"verdict": "reject", "comment": "Request it for the new name."}
    rejection = system.api("POST", f"{path}/votes", body, agent=REVIEWER)
    assert (rejection.status_code, rejection.json()["review"]["state"]) == (200, "rejected"), rejection.text


def the_target_is_removed(system: ChangingSystem, grant: Granted, released: Granted) -> None:
    """docs/target-changes.md, "Remove a target": steps 1 and 2 are omitted."""
    assert (grant.works(), grant.renewal()) == (True, (400, "target_unknown"))
    assert released.revocation() == (503, "revocation_incomplete")
    code, document = system.suspended("target", REMOVED)
    assert (code, set(document["targets_failed"].values()), grant.state()) == (202, {"no_target"}, "revoked")
    assert grant.works()
    code, document = system.suspended("target", NEW_NAME)  # the other target's role has entries that IAM does not have
    assert (code, document["targets_failed"]) == (201, {})


def the_issuer_is_renamed(system: ChangingSystem, grant: Granted) -> None:
    """docs/deploy.md, "Rename an issuer"."""
    assert (grant.works(), grant.renewal(), grant.state()) == (True, (410, "grant_ended"), "active")
    later = system.granted(GUEST, KEPT)
    assert system.suspended("agent", f"{VISITORS}.robot")[0] == 201
    assert (later.works(), grant.works(), grant.state()) == (False, False, "revoked")


def the_issuer_is_removed(system: ChangingSystem, grant: Granted, other: Granted) -> None:
    """docs/deploy.md, "If you remove an issuer"."""
    assert (grant.works(), grant.renewal()) == (True, (401, "token_issuer_unknown"))
    assert (other.revocation(), other.works(), grant.works()) == ((200, ""), False, True)
    assert system.suspended("issuer", TEMPS)[0] == 201
    assert not grant.works()


def the_freeze_denies(system: ChangingSystem, read: str, write: str) -> None:
    """docs/time-windows.md: open grants, new requests and pending ones."""
    document = json.loads(system.config.read_text(encoding="utf-8"))
    end = document["time_windows"]["freeze"]["periods"][0]["closes"]
    renewal = system.api("POST", f"/v1/grants/{read}/credentials", agent=ROBOT)
    again = system.ask(ROBOT, KEPT, FROZEN_READ)
    for answer in (renewal, again):
        assert (answer.status_code, answer.json()["code"]) == (403, "denied"), answer.text
    assert (again.json()["retry_at"], again.json()["longest_seconds"]) == (f"{end}:00Z", 0)
    shown = system.api("GET", f"/v1/reviews/{write}", agent=REVIEWER).json()["review"]["undecidable"]
    before = f"cannot be approved before {end.replace('T', ' ')} UTC"
    assert shown.endswith(
        f"{before}, and its review ends before that: reject it, and the agent can make another request."
    )
    records = chain_of(system.aws, system.stack, read)
    assert json.loads(records[0]["detail"])["decision_inputs"]["time_windows"] == [[]]
    assert (records[-1]["outcome"], records[-1]["policies"]) == ("denied", ["freeze"])


def a_restored_table_is_adopted(system: ChangingSystem, keys: list[str]) -> None:
    """docs/restore.md, for a moment before a revocation."""
    still_open, revoked = system.granted(ROBOT, KEPT), system.granted(ROBOT, KEPT)
    system.granted(f"{ROBOT}-2", KEPT)
    time.sleep(0.1)
    moment = time.time()
    time.sleep(0.1)
    assert (revoked.revocation(), revoked.works()) == ((200, ""), False)
    later = system.suspended("agent", f"{FACTORY}.robot-2")[1]["suspension"]["id"]
    earlier, restored = system.stack["tables"], "jitney-state-2"
    system.aws("dynamodb").restore_table_to_point_in_time(
        SourceTableName=earlier["state"],
        TargetTableName=restored,
        RestoreDateTime=moment,
        SSESpecificationOverride={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "alias/jitney"},
    )
    prepare = ("restore", "--state-table", restored, "--audit-table", earlier["audit"])
    prepare += ("--earlier-state-table", earlier["state"], "--config", str(system.config))
    code, document = system.command(*prepare)
    assert code == 0, document
    tables = {name: document[name] for name in ("state_table", "audit_table", "audit_stream_arn")}
    system.update(lambda configuration: configuration["broker"].update(restored_tables=tables), "Jitney")
    assert system.stack["tables"] == {"state": restored, "audit": earlier["audit"]}
    assert "already up" in run_local(system.settings, system.config, "up")[1]
    assert system.command(*prepare)[0] == 0
    system.invoked("jitney-reconciler")
    assert (revoked.state(), revoked.works()) == ("revoked", False)
    assert (still_open.state(), still_open.works(), still_open.renewal()) == ("revoked", False, (410, "grant_revoked"))
    assert system.ask(ROBOT, KEPT).json()["code"] == "suspended"
    path, reason = f"/v1/suspensions/{later}", {"reason": "rotated"}
    assert system.api("DELETE", path, reason, agent=f"{FACTORY}/warden").json()["code"] == "suspension_locked"
    system.sealed(revoked.id, still_open.id)
    verified(system, keys)
